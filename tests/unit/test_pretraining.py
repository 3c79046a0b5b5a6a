"""Pretraining: what is learnt, what is left out, and what the stage writes."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from pipeline import pretrain
from proteinmtp.base.errors import DataError, UserError
from proteinmtp.base.files import directory_hashes
from proteinmtp.base.residues import KNOWN
from proteinmtp.config import BackboneConfig, PretrainConfig, SplitConfig, TinyBackbone
from proteinmtp.model.backbone import BackboneError, load_backbone
from proteinmtp.model.residue_model import ResidueModel
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.splitting.pretraining import corpus
from proteinmtp.structures.fasta import read_fasta
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.saved_files import SavedBackbone, model_folder
from proteinmtp.tables.split import read_subset
from proteinmtp.training.perplexity import perplexities

from ..support.networks import run_of
from ..support.saved_models import save_esm
from ..support.small import SmallData
from ..support.trained_runs import killed_after, made, train_of

TINY = TinyBackbone(hidden_size=32, layers=2, heads=2, key_value_heads=1, intermediate_size=64)
STEPS = {"steps": 6, "batch_size": 4, "validate_every": 2, "checkpoint_every": 2}
RNG = np.random.default_rng(0)


def drawn(length: int) -> str:
    return "".join(RNG.choice(list("ACDEFGHIKLMNPQRSTVWY"), length))


def changed(sequence: str, every: int) -> str:
    return "".join("A" if n % every == 0 and letter != "A" else letter for n, letter in enumerate(sequence))


def model_of(small: SmallData, *, masked: bool, record: Path | None = None) -> tuple[ResidueModel, ResidueTokenizer]:
    folder = model_folder(record or small.backbone)
    tokens = ResidueTokenizer.from_folder(folder)
    backbone = load_backbone(folder, run_of().train, dtype=torch.float32)
    torch.manual_seed(0)
    model = ResidueModel(backbone, masked=masked, tokens=tokens)
    torch.nn.init.normal_(model.readout.weight)
    return model, tokens


def logits_of(model: ResidueModel, tokens: ResidueTokenizer, *sequences: str) -> torch.Tensor:
    chains = [ChainSequence(str(n), sequence) for n, sequence in enumerate(sequences)]
    with torch.no_grad():
        guess = model(model.collate(chains, [tokens.encode(sequence) for sequence in sequences]))
    return guess.logits


def stage(small: SmallData, folder: Path, *, fasta: tuple[Path, ...] = (), **changes) -> pretrain.Outputs:
    """Run the stage on the small data; `changes` are keys of the section pretrain."""
    record = made(BackboneConfig(tiny=TINY), folder / "begun")
    outputs = pretrain.Outputs(
        record=folder / "done" / "model.json",
        summary=folder / "done" / "summary.json",
        history=folder / "done" / "history.parquet",
        model=folder / "done" / "model",
    )
    outputs.record.parent.mkdir(exist_ok=True)
    config = PretrainConfig(**STEPS | {"fasta": [str(path) for path in fasta]} | changes)
    pretrain.run(
        pretrain.Inputs(chains=small.chains, split=small.split, backbone=record, fasta=fasta),
        outputs,
        pretrain.Options(
            name="a",
            backbone=BackboneConfig(tiny=TINY, pretrain=config),
            split=SplitConfig(),
            max_unknown=0.1,
            seed=0,
            code="code",
            work=str(folder / "work"),
        ),
    )
    return outputs


def test_the_next_residue_is_told_by_those_before_it_alone(small):
    model, tokens = model_of(small, masked=False)
    model.eval()
    one, other = logits_of(model, tokens, "ACDEFGHIKL"), logits_of(model, tokens, "ACDEFWHIKL")
    same = (one == other).all(-1)[0]
    assert same[:6].all() and not same[6:].any()
    assert torch.allclose(logits_of(model, tokens, "ACDE", "ACDEFGHIKL")[0, :4], one[0, :4], atol=1e-5), "padding"


def test_a_hidden_residue_cannot_be_seen_and_the_others_can(small):
    model, tokens = model_of(small, masked=True)
    model.eval()
    sequence = drawn(60)
    asked = model(model.collate([ChainSequence("a", sequence)], [tokens.encode(sequence)])).asked[0]
    assert 1 <= asked.sum() <= 30
    hidden, seen = (int(torch.nonzero(asked == flag)[0]) for flag in (True, False))
    before = logits_of(model, tokens, sequence)
    for place, moves in ((hidden, False), (seen, True)):
        letter = "W" if sequence[place] != "W" else "A"
        after = logits_of(model, tokens, sequence[:place] + letter + sequence[place + 1 :])
        assert torch.equal(before, after) != moves


def test_esm2_is_given_what_it_makes_of_its_own_mask_tokens(tmp_path: Path):
    folder = save_esm(tmp_path / "esm")
    tokens = ResidueTokenizer.from_folder(folder)
    backbone = load_backbone(folder, run_of().train, dtype=torch.float32)
    model = ResidueModel(backbone, masked=True, tokens=tokens).eval()
    torch.nn.init.normal_(model.readout.weight)
    sequence = drawn(60)
    ids = tokens.encode(sequence)
    guess = model(model.collate([ChainSequence("a", sequence)], [ids]))
    ids = [32 if hidden else token for token, hidden in zip(ids, guess.asked[0], strict=True)]
    prefix, suffix = tokens.frame("")
    states = backbone(input_ids=torch.tensor([[*prefix, *ids, *suffix]])).last_hidden_state
    assert torch.allclose(model.readout(states)[0, len(prefix) : len(prefix) + 60], guess.logits[0], atol=1e-5)


def test_other_residues_are_hidden_at_each_step_and_the_same_ones_in_validation(small):
    model, tokens = model_of(small, masked=True)
    batch = model.collate([ChainSequence("a", drawn(80))], [tokens.encode(drawn(80))])
    model.train()
    assert not torch.equal(model(batch).asked, model(batch).asked)
    model.eval()
    assert torch.equal(model(batch).asked, model(batch).asked)


@pytest.mark.parametrize("masked", [False, True])
def test_the_loss_is_the_mean_over_the_residues_asked_for_without_unknown_ones(small, masked: bool):
    model, tokens = model_of(small, masked=masked)
    model.eval()
    sequences = ["ACXDEFGHIKLMNPQRSTVWY" * 2, "MKVLITGAGS", "X" * 12]
    chains = [ChainSequence(str(n), sequence) for n, sequence in enumerate(sequences)]
    batch = model.collate(chains, [tokens.encode(sequence) for sequence in sequences])
    with torch.no_grad():
        guess = model(batch)
        loss = model.loss(guess, batch)
    for row, sequence in enumerate(sequences):
        places = [n for n in range(len(sequence)) if guess.asked[row, n]]
        assert all(sequence[n] != "X" for n in places) and not guess.asked[row, len(sequence) :].any()
        assert masked or places == [n for n in range(1, len(sequence)) if sequence[n] != "X"]
        logs = [-guess.logits[row, n].log_softmax(-1)[KNOWN.index(sequence[n])].item() for n in places]
        assert loss[row].item() == pytest.approx(sum(logs) / max(len(logs), 1), abs=1e-5)


def test_perplexities_are_those_of_the_formula(small):
    model, tokens = model_of(small, masked=False)
    torch.nn.init.zeros_(model.readout.weight)
    torch.nn.init.zeros_(model.readout.bias)
    chains = [ChainSequence("a", "AAAC"), ChainSequence("b", "CXA")]
    perplexity, unigram, asked = perplexities(
        model, chains, trained_on=["A" * 60 + "C" * 20], tokens=tokens, batch_size=1, device=torch.device("cpu")
    )
    assert asked == 4 and perplexity == pytest.approx(20)
    likely = {"A": 61 / 100, "C": 21 / 100}  # one more of each of the twenty
    expected = math.exp(-sum(math.log(likely[letter]) for letter in "AACA") / 4)
    assert unigram == pytest.approx(expected)


def test_an_encoder_hides_residues_and_cannot_be_asked_for_the_next(small, tmp_path: Path):
    record = made(BackboneConfig(tiny=TinyBackbone(**TINY.model_dump() | {"family": "esm"})), tmp_path)
    model, _ = model_of(small, masked=True, record=record)
    assert model.architecture.encoder
    with pytest.raises(
        BackboneError, match=r"backbone.pretrain.objective is causal, but the backbone .esm. is an encoder"
    ):
        model_of(small, masked=False, record=record)


def test_a_pretrained_backbone_is_a_folder_that_runs_train_on(small, tmp_path: Path, monkeypatch):
    outputs = stage(small, tmp_path, steps=60, validate_every=20, lr=0.01)
    summary = PretrainingSummary.read(outputs.summary)
    train, val = (read_subset(small.split, subset) for subset in ("train", "val"))
    assert (summary.chains, summary.fasta, summary.left_out) == (len(train), 0, {})
    assert summary.validation_chains == len(val) and summary.validation_residues > 0
    history = list(HISTORY.read(outputs.history))
    assert history[-1].train_loss < 0.8 * history[0].train_loss
    best = min(row.val_loss for row in history)
    assert math.log(summary.perplexity) == pytest.approx(best, rel=0.1), "of the weights that are saved"
    assert [row.step for row in history if row.saved] == [summary.saved_step]
    before = directory_hashes(outputs.model)
    run = train_of(monkeypatch, small, tmp_path, outputs.record, train={"tuning": "lora", "lr": 0.01})
    assert directory_hashes(outputs.model) == before == SavedBackbone.read(outputs.record).files
    adapter = load_file(run.files.outputs.model / "adapter" / "adapter_model.safetensors")
    assert any("lora_B" in name and values.any() for name, values in adapter.items())


@pytest.mark.parametrize("masked", [False, True])
def test_pretraining_that_is_killed_at_any_moment_ends_with_the_same_bits(small, tmp_path: Path, monkeypatch, masked):
    changes = {"objective": "masked" if masked else "causal"}
    outputs = stage(small, tmp_path / "whole", **changes)
    whole = directory_hashes(outputs.record.parent)
    for moment in range(1, 6):
        with killed_after(moment, monkeypatch):
            stage(small, tmp_path / "cut", **changes)
        assert directory_hashes(stage(small, tmp_path / "cut", **changes).record.parent) == whole


def test_files_are_learnt_and_each_sequence_left_out_has_its_reason(small, tmp_path: Path):
    train = sorted(read_subset(small.split, "train"))
    chains = {chain.chain_id: chain.sequence for chain in CHAINS.read_as(ChainSequence, *small.chains)}
    test = chains[sorted(read_subset(small.split, "test"))[0]]
    new = drawn(600)
    written = [new, new, test, chains[train[0]], "MKV", drawn(30) + "X" * 20, drawn(40).lower() + "*"]
    path = tmp_path / "some.fasta.gz"
    path.write_bytes(gzip.compress("".join(f">{n} words\n{one}\n" for n, one in enumerate(written)).encode()))
    summary = PretrainingSummary.read(stage(small, tmp_path, fasta=(path,)).summary)
    assert summary.fasta == len(written)
    assert summary.left_out == {"held out too": 1, "repeated": 2, "too short": 1, "unknown residues": 1}
    assert summary.sequences == len(train) + 2 and summary.pieces == len(train) + 3, "600 residues are two pieces"
    assert summary.chains + summary.fasta == summary.sequences + sum(summary.left_out.values())


@pytest.mark.parametrize(
    "method", ["cluster", *(pytest.param(m, marks=pytest.mark.slow) for m in ("table", "uniprot", "year"))]
)
def test_relatives_of_what_is_held_out_are_not_learnt_where_the_split_holds_out_clusters(tmp_path: Path, method: str):
    held, strange = [drawn(120), drawn(35)], [drawn(120) for _ in range(20)]
    near = [changed(held[0], 3), drawn(80) + held[0] + drawn(200), changed(held[1], 4), held[0][:70], held[1]]
    learnt = corpus(
        [drawn(50)],
        [*strange, *near],
        held=held,
        config=PretrainConfig(),
        split=SplitConfig(method=method) if method in ("cluster", "uniprot") else like(method),
        max_unknown=0.1,
        folder=tmp_path,
    )
    assert learnt.relatives_looked_for
    assert learnt.left_out == {"held out too": 1, "relative of a chain held out": 4}
    assert set(strange) <= set(learnt.sequences)


def like(method: str) -> SplitConfig:
    """Settings of a split of which the method alone counts."""
    return SplitConfig().model_copy(update={"method": method})


@pytest.mark.parametrize("method", ["members", "random"])
def test_where_relatives_are_in_training_they_are_learnt_and_what_is_held_out_is_not(tmp_path: Path, method: str):
    held = [drawn(120)]
    learnt = corpus(
        [held[0], drawn(50)],
        [held[0], changed(held[0], 3)],
        held=held,
        config=PretrainConfig(),
        split=like(method),
        max_unknown=0.1,
        folder=tmp_path,
    )
    assert not learnt.relatives_looked_for and learnt.left_out == {"held out too": 2}
    assert len(learnt.sequences) == 2


@given(
    sequences=st.lists(st.text("ACDX", min_size=2, max_size=40), max_size=12),
    held=st.lists(st.text("ACDX", min_size=2, max_size=40), max_size=4),
    chains=st.lists(st.text("ACDX", min_size=2, max_size=40), max_size=4),
)
@settings(deadline=None, max_examples=200)
def test_nothing_is_lost_and_nothing_held_out_is_learnt(sequences: list[str], held: list[str], chains: list[str]):
    learnt = corpus(
        chains,
        sequences,
        held=held,
        config=PretrainConfig(min_length=2, max_length=7),
        split=like("random"),
        max_unknown=0.5,
        folder=Path("/nowhere"),
    )
    assert len(learnt.sequences) + sum(learnt.left_out.values()) == len(chains) + len(sequences)
    assert not set(learnt.sequences) & set(held)
    assert all(2 <= len(piece) <= 7 for piece in learnt.pieces)
    assert sum(map(len, learnt.pieces)) >= sum(map(len, learnt.sequences)) - len(learnt.sequences)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read as FASTA: .*No such file"),
        (b"", "cannot be read as FASTA: "),
        (b"\x00\xff\xfe", "cannot be read as FASTA: "),
        (b"just words without a header\n", "cannot be read as FASTA: |holds no sequence"),
        (b">a\n", "holds no sequence"),
        (b">a\nMK1V\n", "cannot be read as FASTA: |fine"),
    ],
)
def test_a_file_that_is_no_fasta_is_named(tmp_path: Path, content: bytes | None, words: str):
    path = tmp_path / "some.fasta"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{path} ({words})"):
        read_fasta(path)


def test_a_damaged_gzip_file_is_named(tmp_path: Path):
    path = tmp_path / "some.fasta.gz"
    whole = gzip.compress(b">a\nMKVLITGAGS\n" * 100)
    for content in (whole[:40], b"not gzip at all", whole[:-4] + b"\0\0\0\0"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"^{path} cannot be read as FASTA: "):
            read_fasta(path)


def test_letters_that_are_no_residue_become_x(tmp_path: Path):
    path = tmp_path / "some.fasta"
    path.write_text(">sp|P1|A words\nMKVU\nBZJO\n\n>b\nmkv*\n")
    assert read_fasta(path) == ["MKVXXXXX", "MKV"]


def test_aligned_and_translated_sequences_are_read(tmp_path: Path):
    path = tmp_path / "some.FA.GZ"
    path.write_bytes(gzip.compress("\ufeff; a comment\r\n\r\n>a*-\r\nAC--DE.F\r\nGH*IK*\r\n>b\r\nMKV**\r\n".encode()))
    assert read_fasta(path) == ["ACDEFGHXIK", "MKV"]


def test_nothing_to_learn_is_said(small, tmp_path: Path):
    path = tmp_path / "some.fasta"
    path.write_text(">a\nMKV\n")
    with pytest.raises(DataError, match=r"no sequence to pretrain on; left out: \{'too short': 1\}"):
        stage(small, tmp_path, fasta=(path,), chains=False)


def test_pretraining_that_diverged_at_its_end_says_so(small):
    model, tokens = model_of(small, masked=False)
    torch.nn.init.normal_(model.readout.weight, std=1e4)
    with pytest.raises(UserError, match=r"has diverged; lower backbone\.pretrain\.lr"):
        perplexities(
            model,
            [ChainSequence("a", drawn(60))],
            trained_on=["A"],
            tokens=tokens,
            batch_size=2,
            device=torch.device("cpu"),
        )
