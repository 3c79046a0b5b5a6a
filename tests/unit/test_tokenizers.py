"""One token for each residue, for each family of tokenizers, saved to disk and read by way of a backbone folder."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from proteinmtp.base.residues import RESIDUES
from proteinmtp.model.backbone import BackboneError
from proteinmtp.model.build import build_network
from proteinmtp.model.tokens import SLOT, ResidueTokenizer, TokenizerError
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.saved_files import model_folder

from ..support.saved_models import save_esm, save_llama, save_qwen
from ..support.trained_runs import linked

SEQUENCE = "MKVLITGAGS"
SAVERS = {
    "byte-level": save_qwen,
    "sentencepiece-bpe": lambda folder: save_llama(folder, "bpe"),
    "sentencepiece-unigram": lambda folder: save_llama(folder, "unigram"),
    "esm": save_esm,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The backbone folder of each family, made from a saved model by kind path."""
    made = {}
    for name, saver in SAVERS.items():
        source = saver(tmp_path_factory.mktemp("source"))
        made[name] = model_folder(linked(source, tmp_path_factory.mktemp("backbone")))
    return made


@pytest.mark.parametrize("name", SAVERS)
def test_each_residue_has_a_token_of_its_own_that_is_its_letter(folders: dict[str, Path], name: str):
    residues = ResidueTokenizer.from_folder(folders[name])
    ids = residues.encode(RESIDUES)
    assert residues.tokenizer.convert_ids_to_tokens(ids) == list(RESIDUES)
    assert len(residues.encode(SEQUENCE)) == len(SEQUENCE)
    assert residues.encode("UBZO*") == residues.encode("XXXXX")
    assert SLOT not in residues.tokenizer.convert_ids_to_tokens(ids)


@pytest.mark.parametrize("name", ["byte-level", "sentencepiece-bpe", "sentencepiece-unigram"])
def test_the_trap_is_real_several_residues_share_a_token(folders: dict[str, Path], name: str):
    tokenizer = AutoTokenizer.from_pretrained(folders[name])
    assert len(tokenizer.encode(SEQUENCE, add_special_tokens=False)) < len(SEQUENCE)


@pytest.mark.parametrize("name", ["sentencepiece-bpe", "sentencepiece-unigram"])
def test_sentencepiece_writes_a_lone_letter_as_a_word_and_residues_as_plain_letters(
    folders: dict[str, Path], name: str
):
    tokenizer = AutoTokenizer.from_pretrained(folders[name])
    vocabulary = tokenizer.get_vocab()
    both = [letter for letter in RESIDUES if letter in vocabulary and f"▁{letter}" in vocabulary]
    assert both, "this tokenizer would show nothing"
    residues = ResidueTokenizer.from_folder(folders[name])
    for letter in both:
        assert tokenizer.tokenize(letter) in ([f"▁{letter}"], ["▁", letter])
        assert residues.encode(letter) == [vocabulary[letter]] != [vocabulary[f"▁{letter}"]]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("byte-level", [], []), ("sentencepiece-bpe", ["<s>"], []), ("sentencepiece-unigram", ["<s>"], []),
     ("esm", ["<cls>"], ["<eos>"])],
)  # fmt: skip
def test_residues_stand_in_the_frame_of_the_tokenizer(folders: dict[str, Path], name: str, before, after):
    residues = ResidueTokenizer.from_folder(folders[name])
    prefix, suffix = residues.frame("")
    assert residues.tokenizer.convert_ids_to_tokens(prefix) == before
    assert residues.tokenizer.convert_ids_to_tokens(suffix) == after


@pytest.mark.parametrize("name", ["byte-level", "sentencepiece-bpe", "sentencepiece-unigram"])
def test_a_prompt_stands_after_the_beginning_and_before_the_residues(folders: dict[str, Path], name: str):
    residues = ResidueTokenizer.from_folder(folders[name])
    begin, _ = residues.frame("")
    prefix, suffix = residues.frame("protein")
    assert prefix[: len(begin)] == begin and not suffix
    assert residues.tokenizer.decode(prefix[len(begin) :]).strip(" ▁") == "protein"


def test_a_prompt_of_unknown_words_is_refused(folders: dict[str, Path]):
    with pytest.raises(TokenizerError, match=r"slots\.prompt: 'protein' has words"):
        ResidueTokenizer.from_folder(folders["esm"]).frame("protein")


@pytest.mark.parametrize("name", SAVERS)
def test_the_slot_takes_a_free_id_and_needs_no_row_of_the_table(folders: dict[str, Path], name: str, tmp_path: Path):
    """The Llama and ESM tables end with the last token, so the slot's id lies behind them; Qwen's has spare rows."""
    own = AutoTokenizer.from_pretrained(folders[name])
    residues = ResidueTokenizer.from_folder(folders[name])
    assert residues.slot_id not in own.get_vocab().values()
    rows = AutoModel.from_pretrained(folders[name]).get_input_embeddings().num_embeddings
    assert (residues.slot_id < rows) == (name == "byte-level")
    slots = {"attention": "bidirectional" if name == "esm" else "causal"}
    config = parse_config({"runs": [{"name": "a", "slots": slots, "head": {"width": 8}}]}).run("a")
    network = build_network(config, folders[name], dtype=torch.float32, seed=0).eval()
    ids = torch.tensor([residues.encode(SEQUENCE)])
    with torch.no_grad():
        states = network.slot_states(ids, torch.tensor([len(SEQUENCE)]))
        network.slot_row.add_(1.0)
        moved = network.slot_states(ids, torch.tensor([len(SEQUENCE)]))
    assert states.isfinite().all() and (states != moved).any()
    residues.tokenizer.save_pretrained(tmp_path)
    again = ResidueTokenizer.from_folder(tmp_path)
    assert (again.slot_id, again.encode(RESIDUES)) == (residues.slot_id, residues.encode(RESIDUES))
    assert again.frame("") == residues.frame("")


@pytest.mark.parametrize("name", SAVERS)
def test_residues_are_read_as_the_model_itself_reads_them(folders: dict[str, Path], name: str):
    """Without slots, the states are those that the bare model gives for the ids in the tokenizer's own frame."""
    attention = "bidirectional" if name == "esm" else "causal"
    config = parse_config({"runs": [{"name": "a", "slots": {"kind": "none", "attention": attention}}]}).run("a")
    network = build_network(config, folders[name], dtype=torch.float32, seed=0).eval()
    residues = ResidueTokenizer.from_folder(folders[name])
    prefix, suffix = residues.frame("")
    chains = [residues.encode(SEQUENCE), residues.encode("ACDEF")]
    ids = torch.tensor([chains[0], chains[1] + [0] * 5])
    model = AutoModel.from_pretrained(folders[name]).eval()
    with torch.no_grad():
        states = network.slot_states(ids, torch.tensor([10, 5]))
        for row, chain in enumerate(chains):
            text = torch.tensor([prefix + chain + suffix])
            expected = model(input_ids=text, attention_mask=torch.ones_like(text)).last_hidden_state[0]
            read = states[row, : len(chain)]
            assert torch.allclose(read, expected[len(prefix) : len(prefix) + len(chain)], atol=1e-5)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path):
    source = save_esm(tmp_path / "source")
    vocabulary = {letter: 100 + index for index, letter in enumerate(RESIDUES)}
    foreign = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="X")))
    (source / "vocab.txt").unlink()
    foreign.save_pretrained(source)
    with pytest.raises(BackboneError, match="do not belong together"):
        linked(source, tmp_path / "backbone")
