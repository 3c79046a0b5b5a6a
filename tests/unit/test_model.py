import json
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from proteinmtp.config.whole import HEADS, SlotsConfig, parse_config
from proteinmtp.tables.reader import ChainRecord, read_chains, read_subset
from proteinmtp.model.backbone import BackboneError, make_backbone
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.layout import Layout
from proteinmtp.model.network import build_network, load_network, save_network
from proteinmtp.model.tokens import SLOT, ResidueTokenizer, TokenizerError
from proteinmtp.base.plugins import names

from ..support.small import SMALL_RUN, small_config

SEQUENCES = ("MKVLITGAGS", "ACDEFGHIKLMNPQ", "WYVTS")


def network_of(small, **changes):
    config = small_config(runs=[{"name": "a"} | changes]).run("a")
    return build_network(config, small.backbone.parent / "model", torch.float32, 0).eval()


def batch_of(small, sequences=SEQUENCES) -> Batch:
    tokenizer = ResidueTokenizer.from_folder(small.backbone.parent / "model")
    generator = torch.Generator().manual_seed(0)
    chains = [
        ChainRecord(str(n), sequence, torch.randn(len(sequence), 3, generator=generator).cumsum(0).numpy() * 3)
        for n, sequence in enumerate(sequences)
    ]
    return collate(chains, [tokenizer.encode(sequence) for sequence in sequences])


def states_of(network, small, sequence: str) -> torch.Tensor:
    batch = batch_of(small, (sequence,))
    with torch.no_grad():
        return network.slot_states(batch.residues, batch.lengths)[0]


SLOT_HEADS = [name for name in names(HEADS) if name != "digits"]
"""All but the one that writes, for which see test_writer."""

SLOTS = {
    "placeholder": {"kind": "placeholder"},
    "continued": {"kind": "placeholder", "positions": "continued"},
    "bidirectional": {"kind": "placeholder", "attention": "bidirectional"},
    "echo": {"kind": "echo"},
    "echo, bidirectional": {"kind": "echo", "attention": "bidirectional"},
    "none": {"kind": "none"},
    "none, bidirectional": {"kind": "none", "attention": "bidirectional"},
    "pooled": {"kind": "placeholder", "pooled": True},
    "prompt": {"kind": "placeholder", "prompt": "ACW"},
}
"""Slot settings by name."""

WHOLE = [name for name in SLOTS if name != "none"]
"""Those whose every read-out state sees the whole sequence."""


def moved_by(network, small, first: str, second: str) -> torch.Tensor:
    return (states_of(network, small, first) - states_of(network, small, second)).abs().amax(-1)


@pytest.mark.parametrize("slots", WHOLE)
def test_what_is_read_out_has_seen_the_whole_sequence(small, slots: str):
    network = network_of(small, slots=SLOTS[slots])
    for changed in ("AKVLITGAGS", "MKVLIAGAGS", "MKVLITGAGA"):
        moved = moved_by(network, small, "MKVLITGAGS", changed)
        assert (moved > 1e-6).all(), f"states that do not see the change to {changed}: {moved}"


def test_without_slots_a_causal_residue_sees_only_what_is_before_it(small):
    moved = moved_by(network_of(small, slots=SLOTS["none"]), small, "MKVLITGAGS", "MKVLIAGAGS")
    assert (moved[:5] == 0).all()
    assert (moved[5:] > 0).all()


@pytest.mark.parametrize("slots", [name for name in SLOTS if not name.startswith("none")])
def test_residue_tokens_see_only_what_is_before_them(small, slots: str):
    network = network_of(small, slots=SLOTS[slots])
    hidden = []
    network.backbone.register_forward_hook(lambda *call: hidden.append(call[2].last_hidden_state))
    for sequence in ("MKVLITGAGS", "MKVLIAGAGS"):
        states_of(network, small, sequence)
    first = len(network.prefix)
    moved = (hidden[0] - hidden[1]).abs().amax(-1)[0]
    assert (moved[: first + 5] == 0).all()
    assert (moved[first + 5 : first + 10] > 0).all()


def test_causal_slots_do_not_see_the_slots_after_them_and_bidirectional_ones_do(small):
    for attention, seen in (("causal", False), ("bidirectional", True)):
        network = network_of(small, slots={"kind": "placeholder", "attention": attention})
        embedded = []

        def nudge(module, args, kwargs, store=embedded):
            if store:
                kwargs["inputs_embeds"] = kwargs["inputs_embeds"].clone()
                kwargs["inputs_embeds"][:, -1] += 1
            store.append(1)
            return args, kwargs

        network.backbone.register_forward_pre_hook(nudge, with_kwargs=True)
        moved = moved_by(network, small, "MKVLITGAGS", "MKVLITGAGS")
        assert bool((moved[:-1] > 0).all()) is seen
        assert bool((moved[:-1] > 0).any()) is seen
        assert moved[-1] > 0


@pytest.mark.parametrize("slots", SLOTS)
def test_padding_order_and_batch_mates_do_not_change_a_state(small, slots: str):
    network = network_of(small, slots=SLOTS[slots])
    with torch.no_grad():
        for order in (SEQUENCES, SEQUENCES[::-1]):
            batch = batch_of(small, order)
            together = network.slot_states(batch.residues, batch.lengths)
            for row, sequence in enumerate(order):
                alone = states_of(network, small, sequence)
                assert torch.allclose(together[row, : len(sequence)], alone, atol=1e-5)


def test_aligned_slots_have_the_position_of_their_residue():
    lengths = torch.tensor([2, 3])
    slots = SlotsConfig(kind="placeholder", attention="causal")
    layout = Layout(lengths, 3, slots, torch.tensor([7]), torch.tensor([8]))
    assert layout.tokens(torch.tensor([[1, 2, 0], [3, 4, 5]])).tolist() == [
        [7, 1, 2, 8, 1, 2, 0, 0],
        [7, 3, 4, 5, 8, 3, 4, 5],
    ]
    assert layout.positions()[0, :6].tolist() == [0, 1, 2, 3, 1, 2]
    assert layout.positions()[1].tolist() == [0, 1, 2, 3, 4, 1, 2, 3]
    slots = SlotsConfig(kind="placeholder", attention="causal", positions="continued")
    continued = Layout(lengths, 3, slots, torch.tensor([7]), torch.tensor([8]))
    assert continued.positions()[1].tolist() == list(range(8))
    none = Layout(lengths, 3, SlotsConfig(kind="none"), torch.tensor([7]), torch.tensor([8]))
    assert none.tokens(torch.tensor([[1, 2, 0], [3, 4, 5]])).tolist() == [[7, 1, 2, 8, 0], [7, 3, 4, 5, 8]]


def test_echo_slots_know_their_residue_and_placeholders_do_not(small):
    batch = batch_of(small, ("MK",))
    for kind, equal in (("placeholder", True), ("echo", False)):
        network = network_of(small, slots={"kind": kind})
        embedded = []
        network.backbone.register_forward_pre_hook(
            lambda module, args, kwargs, store=embedded: store.append(kwargs["inputs_embeds"]), with_kwargs=True
        )
        network.slot_states(batch.residues, batch.lengths)
        assert torch.equal(embedded[0][0, 2], embedded[0][0, 3]) is equal


def trained_and_moved(small, **changes) -> tuple[set[str], set[str], set[str]]:
    """Return the names of the parameters that should train, that got a gradient, and that moved in six steps."""
    network = network_of(small, **changes).train()
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=0.01)
    touched: set[str] = set()
    for _ in range(6):  # what begins at zero lets what is before it move one step later, and little at first
        batch = batch_of(small)
        network.loss(network(batch), batch).sum().backward()
        touched |= {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    moved = {name for name, parameter in network.named_parameters() if not torch.equal(before[name], parameter)}
    return trained, touched, moved


EVERY_LOSS = {
    "distogram": ["distogram", "smooth_lddt", "dihedral", "confidence"],
    "coords": ["coordinates", "fape", "dihedral", "confidence"],
}


@pytest.mark.parametrize("slots", SLOTS)
def test_under_lora_exactly_adapter_head_slot_row_and_readouts_train(small, slots: str):
    names = [{"name": name} for name in EVERY_LOSS["distogram"]]
    trained, touched, moved = trained_and_moved(
        small, train={"tuning": "lora"}, slots=SLOTS[slots], head={"kind": "distogram"}, loss={"terms": names}
    )
    expected = {"backbone", "head", "readouts"}
    expected |= set() if SLOTS[slots]["kind"] == "none" else {"slot_row"}
    expected |= {"pool"} if SLOTS[slots].get("pooled") else set()
    assert {name.split(".")[0] for name in trained} == expected
    assert all("lora_" in name for name in trained if name.startswith("backbone"))
    assert touched == trained
    assert moved == trained


@pytest.mark.parametrize("head", SLOT_HEADS)
@pytest.mark.parametrize("trunk", ["none", "convolution", "triangle"])
def test_full_tuning_moves_every_parameter(small, head: str, trunk: str):
    settings = {"kind": head, "trunk": trunk, "blocks": 2, "max_length": 14, "max_separation": 4}
    trained, touched, moved = trained_and_moved(small, head=settings)
    # Rows of tables that no batch asks for, such as large separations, are within parameters that are asked for.
    assert touched == trained
    assert moved == trained


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_gradient_checkpointing_gives_the_same_gradients(small, tuning: str):
    gradients = []
    for checkpointing in (False, True):
        network = network_of(small, train={"tuning": tuning, "gradient_checkpointing": checkpointing}).train()
        batch = batch_of(small)
        network.loss(network(batch), batch).sum().backward()
        gradients.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-6), name


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("head", SLOT_HEADS)
def test_a_saved_network_predicts_the_same(small, tmp_path: Path, tuning: str, head: str):
    config = small_config(
        runs=[
            {
                "name": "a",
                "train": {"tuning": tuning},
                "head": {"kind": head, "max_length": 20},
                "slots": {"pooled": True, "prompt": "AC"},
            }
        ]
    ).run("a")
    folder = small.backbone.parent / "model"
    network = build_network(config, folder, torch.float32, 0).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
        network.head.fit([3 * torch.randn(n, 3).cumsum(0) for n in (5, 9, 14)])
        expected = network(batch_of(small))
        save_network(network, ResidueTokenizer.from_folder(folder), config, tmp_path / "run")
        found = load_network(config, folder, tmp_path / "run", torch.float32)(batch_of(small))
    for field in fields(expected):
        value, again = getattr(expected, field.name), getattr(found, field.name)
        assert torch.equal(again, value) if isinstance(value, torch.Tensor) else again == value, field.name
    assert {path.suffix for path in (tmp_path / "run").rglob("*")} <= {"", ".json", ".safetensors", ".md", ".jinja"}


def test_a_byte_level_tokenizer_gives_one_token_a_residue_and_a_free_row_to_the_slot():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["MKVLITGAGSMKVLITGAGS" * 5] * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    used = len(fast)
    assert len(fast.encode("MKVLITGAGS")) < 10, "the trap: several residues share a token"
    residues = ResidueTokenizer(fast)
    ids = residues.encode("MKVLITGAGSU")
    assert [fast.convert_ids_to_tokens(i) for i in ids] == list("MKVLITGAGSX")
    assert residues.slot_id == used
    assert fast.convert_tokens_to_ids(SLOT) == used


def test_a_tokenizer_without_residues_is_refused():
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"A": 0, "<unk>": 1}, unk_token="<unk>")), unk_token="<unk>"
    )
    with pytest.raises(TokenizerError, match="no single token for residue C, D"):
        ResidueTokenizer(tokenizer)


def test_a_local_backbone_is_linked_and_must_be_safetensors(small, tmp_path: Path):
    source = small.backbone.parent / "model"
    config = parse_config({"defaults": {"backbone": {"kind": "path", "path": str(source)}}}).defaults.backbone
    make_backbone(config, 0, tmp_path / "model", tmp_path / "manifest.json")
    hashes = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert hashes == json.loads(small.backbone.read_text())["files"]
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")
    (tmp_path / "weights" / "pytorch_model.bin").write_text("")
    pickled = parse_config({"defaults": {"backbone": {"kind": "path", "path": str(tmp_path / "weights")}}})
    with pytest.raises(BackboneError, match=r"no \.safetensors"):
        make_backbone(pickled.defaults.backbone, 0, tmp_path / "m", tmp_path / "m.json")


def test_equal_settings_make_equal_weights(tmp_path: Path):
    config = parse_config({"defaults": SMALL_RUN}).defaults.backbone
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make_backbone(config, seed, tmp_path / name / "model", tmp_path / f"{name}.json")
    texts = [(tmp_path / f"{name}.json").read_text() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def test_stored_and_computed_distances_agree(small):
    wanted = read_subset(small.split, "train")
    tokens = [[1] * len(chain) for chain in read_chains(small.chains, wanted)]
    computed = collate(read_chains(small.chains, wanted), tokens)
    stored = collate(read_chains(small.chains, wanted, small.distances), tokens)
    assert torch.equal(computed.observed_pairs, stored.observed_pairs)
    seen = computed.observed_pairs
    assert torch.allclose(computed.distances[seen], stored.distances[seen], atol=0.05)
