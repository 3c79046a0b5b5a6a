from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from proteinmtp.base.errors import PartError
from proteinmtp.config import BackboneConfig, SlotsConfig
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.backbone import BackboneError
from proteinmtp.model.batch import collate
from proteinmtp.model.build import build_network, load_network, network_type, save_network
from proteinmtp.model.layout import Layout, token_count
from proteinmtp.model.slot_network import SlotNetwork
from proteinmtp.model.tokens import SLOT, ResidueTokenizer, TokenizerError
from proteinmtp.model.writer import WriterNetwork
from proteinmtp.tables.chains import read_chains
from proteinmtp.tables.saved_files import SavedBackbone, model_folder
from proteinmtp.tables.split import read_subset

from ..support.networks import SEQUENCES, SLOT_HEADS, TRUNK_HEADS, batch_of, head_of, network_of, run_of
from ..support.small import small_config
from ..support.trained_runs import linked, made


def states_of(network, small, sequence: str) -> torch.Tensor:
    batch = batch_of(small, (sequence,))
    with torch.no_grad():
        return network.slot_states(batch.residues, batch.lengths)[0]


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
    around = {"prefix": torch.tensor([7]), "suffix": torch.tensor([8])}
    layout = Layout(lengths=lengths, longest=3, slots=slots, **around)
    assert layout.tokens(torch.tensor([[1, 2, 0], [3, 4, 5]])).tolist() == [
        [7, 1, 2, 8, 1, 2, 0, 0],
        [7, 3, 4, 5, 8, 3, 4, 5],
    ]
    assert layout.positions()[0, :6].tolist() == [0, 1, 2, 3, 1, 2]
    assert layout.positions()[1].tolist() == [0, 1, 2, 3, 4, 1, 2, 3]
    slots = SlotsConfig(kind="placeholder", attention="causal", positions="continued")
    continued = Layout(lengths=lengths, longest=3, slots=slots, **around)
    assert continued.positions()[1].tolist() == list(range(8))
    none = Layout(lengths=lengths, longest=3, slots=SlotsConfig(kind="none"), **around)
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


@pytest.mark.parametrize(
    ("head", "trunk"),
    [(head, "none") for head in SLOT_HEADS]
    + [(head, trunk) for head in TRUNK_HEADS for trunk in ("convolution", "triangle")],
)
def test_full_tuning_moves_every_parameter(small, head: str, trunk: str):
    settings = {"max_length": 14, "max_separation": 4} | ({} if trunk == "none" else {"trunk": trunk, "blocks": 2})
    trained, touched, moved = trained_and_moved(small, head=head_of(head, **settings))
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
    config = run_of(
        train={"tuning": tuning},
        head=head_of(head, max_length=20, normalisation="range"),
        slots={"pooled": True, "prompt": "AC"},
    )
    folder = model_folder(small.backbone)
    network = build_network(config, folder, dtype=torch.float32, seed=0).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
        network.fit([3 * torch.randn(n, 3).cumsum(0) for n in (5, 9, 14)])
        expected = network(batch_of(small))
        save_network(network, tokenizer=ResidueTokenizer.from_folder(folder), config=config, folder=tmp_path / "run")
        loaded = load_network(config, backbone=folder, saved=tmp_path / "run", dtype=torch.float32)
        again = loaded(batch_of(small))
    for field in fields(expected):
        before, after = getattr(expected, field.name), getattr(again, field.name)
        if field.name == "readouts":
            assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
        else:
            same = torch.equal(after, before) if isinstance(before, torch.Tensor) else after == before
            assert same, field.name
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
    record = SavedBackbone.read(linked(model_folder(small.backbone), tmp_path / "linked"))
    assert record.files == SavedBackbone.read(small.backbone).files
    record.check(tmp_path / "linked" / "model", tmp_path / "linked" / "backbone.json")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")
    (tmp_path / "weights" / "pytorch_model.bin").write_text("")
    with pytest.raises(BackboneError, match=r"no \.safetensors"):
        linked(tmp_path / "weights", tmp_path / "pickled")


def test_equal_settings_make_equal_weights(tmp_path: Path):
    config: BackboneConfig = small_config().defaults.backbone
    a, b, c = (made(config, tmp_path / name, seed).read_text() for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert a == b != c


@pytest.mark.parametrize("slots", SLOTS)
def test_a_chain_is_as_many_tokens_as_the_backbone_sees(small, slots: str):
    network = network_of(small, slots=SLOTS[slots])
    lengths = []
    network.backbone.register_forward_hook(lambda *call: lengths.append(call[2].last_hidden_state.shape[1]))
    states_of(network, small, "MKVLITGAGS")
    assert lengths == [network.tokens_of(10)]
    assert network.tokens_of(10) == token_count(10, network.slots, around=len(network.prefix) + len(network.suffix))


def test_distances_of_a_batch_are_those_of_its_chains(small):
    chains = read_chains(small.chains, read_subset(small.split, "train"))
    batch = collate(chains, [[1] * len(chain) for chain in chains])
    assert any(np.isnan(chain.coords).any() for chain in chains)
    for row, chain in enumerate(chains):
        inside = batch.distances[row, : len(chain), : len(chain)]
        expected = pairwise_distances(torch.from_numpy(chain.coords))
        assert torch.allclose(inside, expected, rtol=1e-6, atol=0, equal_nan=True)
        assert batch.distances[row, len(chain) :].isnan().all() and batch.distances[row, :, len(chain) :].isnan().all()
        seen = torch.from_numpy(chain.coords).isfinite().all(1)
        assert not inside.diagonal()[seen].any()


def test_stored_and_computed_distances_agree(small):
    wanted = read_subset(small.split, "train")
    tokens = [[1] * len(chain) for chain in read_chains(small.chains, wanted)]
    computed = collate(read_chains(small.chains, wanted), tokens)
    stored = collate(read_chains(small.chains, wanted, small.distances), tokens)
    assert torch.equal(computed.observed_pairs, stored.observed_pairs)
    seen = computed.observed_pairs
    assert torch.allclose(computed.distances[seen], stored.distances[seen], atol=0.05)


PROBE = '''
import torch

from proteinmtp.model.batch import masked_mean
from proteinmtp.model.loss import PairLoss, Readout


class Ends(Readout):
    """Slot states (B, L, H) to one number for each residue."""

    def __init__(self, hidden_size):
        super().__init__(hidden_size)
        self.layer = torch.nn.Linear(hidden_size, 1)

    def forward(self, states):
        return self.layer(states).squeeze(-1)


class Loss(PairLoss):
    NEEDS = ()
    READOUT = Ends

    def __init__(self, *, delta, goal=1.0):
        self.delta, self.goal = delta, goal

    def __call__(self, prediction, batch):
        return masked_mean((prediction.readouts["probe"] - self.goal).square(), batch.observed)
'''

OWN_NETWORK = """
from proteinmtp.model.heads.distance import Head
from proteinmtp.model.network import Network as Contract


class Network(Contract):
    def forward(self, batch):
        return None
"""


def test_a_loss_from_outside_brings_a_readout_and_options_of_its_own(small, tmp_path: Path, monkeypatch):
    (tmp_path / "lab_of_probes").mkdir()
    (tmp_path / "lab_of_probes" / "probe.py").write_text(PROBE)
    monkeypatch.syspath_prepend(tmp_path)
    terms = [{"name": "mse"}, {"name": "lab_of_probes.probe", "weight": 0.5, "options": {"goal": 7.0}}]
    trained, touched, moved = trained_and_moved(small, loss={"terms": terms})
    assert {"readouts.probe.layer.weight", "readouts.probe.layer.bias"} <= trained == touched == moved
    network, batch = network_of(small, loss={"terms": terms}), batch_of(small)
    probe = network.terms[1]
    assert (probe.name, probe.weight, probe.loss.goal, probe.loss.delta) == ("probe", 0.5, 7.0, 2.0)
    prediction = network(batch)
    parts = [term.weight * term.loss(prediction, batch) for term in network.terms]
    assert torch.allclose(network.loss(prediction, batch), parts[0] + parts[1])


def test_a_network_of_a_head_that_is_not_what_the_contract_asks_for_is_refused(tmp_path: Path, monkeypatch):
    (tmp_path / "lab_of_networks").mkdir()
    (tmp_path / "lab_of_networks" / "half.py").write_text(OWN_NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PartError, match=r"lab_of_networks\.half has no `Network\.distance_error`; see"):
        network_type("lab_of_networks.half")
    assert network_type("distance") is SlotNetwork
    assert network_type("digits") is WriterNetwork
