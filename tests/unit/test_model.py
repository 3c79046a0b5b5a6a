import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.config import LossConfig, parse_config
from pipeline.dataset.reader import ChainRecord, read_chains, read_subset
from pipeline.model.backbone import BackboneError, make_backbone
from pipeline.model.batch import Batch, collate
from pipeline.model.network import build_network, load_network, save_network
from pipeline.model.tokens import SLOT, ResidueTokenizer, TokenizerError

from ..conftest import SMALL_RUN, small_config

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


@pytest.mark.parametrize("positions", ["aligned", "continued"])
def test_every_slot_sees_the_whole_sequence(small, positions: str):
    network = network_of(small, slots={"positions": positions})
    before = states_of(network, small, "MKVLITGAGS")
    for changed in ("AKVLITGAGS", "MKVLIAGAGS", "MKVLITGAGA"):
        moved = (states_of(network, small, changed) - before).abs().amax(-1)
        assert (moved > 1e-6).all(), f"slots that do not see the change to {changed}: {moved}"


def test_a_residue_sees_only_what_is_before_it(small):
    network = network_of(small)
    batches = [batch_of(small, (sequence,)) for sequence in ("MKVLITGAGS", "MKVLIAGAGS")]
    hidden = []
    network.backbone.register_forward_hook(lambda *call: hidden.append(call[2].last_hidden_state))
    with torch.no_grad():
        for batch in batches:
            network.slot_states(batch.residues, batch.lengths)
    moved = (hidden[0] - hidden[1]).abs().amax(-1)[0]
    assert (moved[:5] == 0).all()
    assert (moved[5:10] > 0).all()


@pytest.mark.parametrize("head", ["distance", "coords"])
def test_padding_and_batch_mates_do_not_change_a_prediction(small, head: str):
    network = network_of(small, head={"kind": head})
    with torch.no_grad():
        batch = batch_of(small)
        together = network.head.decode(network(batch)).distances
        for row, sequence in enumerate(SEQUENCES):
            alone = network.head.decode(network(batch_of(small, (sequence,)))).distances[0]
            assert torch.allclose(together[row, : len(sequence), : len(sequence)], alone, atol=1e-4)


def test_predicted_distances_are_a_distance_matrix(small):
    with torch.no_grad():
        network = network_of(small)
        distances = network(batch_of(small))
    assert torch.equal(distances, distances.transpose(1, 2))
    assert (distances >= 0).all()
    assert not distances.diagonal(dim1=1, dim2=2).any()


@pytest.mark.parametrize("head", ["distance", "coords"])
@pytest.mark.parametrize("kind", ["mse", "huber"])
def test_unobserved_residues_and_padding_do_not_count(small, head: str, kind: str):
    network = network_of(small, head={"kind": head})
    batch = batch_of(small)
    config = LossConfig(kind=kind)
    batch.coords[0, 3] = torch.nan
    batch.distances[0, 3] = torch.nan
    batch.distances[0, :, 3] = torch.nan
    output = network(batch).detach().requires_grad_()
    loss = network.head.loss(output, batch, config)
    assert loss.isfinite().all()
    loss.sum().backward()
    assert output.grad.isfinite().all()
    assert not output.grad[0, 3].any()
    assert not output.grad[2, len(SEQUENCES[2]) :].any()
    assert output.grad[0, 4].any()


def test_losses_are_those_of_the_formulas(small):
    batch = batch_of(small, ("AC",))
    batch.distances[:] = torch.tensor([[0.0, 6.0], [6.0, 0.0]])
    network = network_of(small)
    output = torch.tensor([[[0.0, 9.0], [9.0, 0.0]]])
    assert float(network.head.loss(output, batch, LossConfig(kind="mse"))) == pytest.approx(0.3**2)
    huber = float(network.head.loss(output, batch, LossConfig(kind="huber", delta=2.0)))
    assert huber == pytest.approx(0.2 * (0.3 - 0.1))


def test_the_coords_head_undoes_its_normalisation(small):
    network = network_of(small, head={"kind": "coords"})
    points = [torch.tensor([[10.0, 0, 0], [30, 0, 0], [torch.nan] * 3]), torch.tensor([[20.0, 60, 0]])]
    network.head.fit(points)
    assert network.head.mean.tolist() == pytest.approx([20, 20, 0])
    with torch.no_grad():
        for parameter in network.head.project[-1].parameters():
            parameter.zero_()
    assert network(batch_of(small)).detach()[0, 0].tolist() == pytest.approx([20, 20, 0])


def test_under_lora_exactly_adapter_head_and_slot_row_train(small):
    network = network_of(small, train={"tuning": "lora"})
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert {name.split(".")[0] for name in trained} == {"backbone", "head", "slot_row"}
    assert all("lora_" in name for name in trained if name.startswith("backbone"))
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):  # LoRA's second factor starts at zero, so the first moves in the second step
        batch = batch_of(small)
        network.head.loss(network(batch), batch, LossConfig()).sum().backward()
        optimizer.step()
    moved = {name for name, parameter in network.named_parameters() if not torch.equal(before[name], parameter)}
    assert moved == trained


def test_full_tuning_trains_everything_that_is_used(small):
    network = network_of(small)
    batch = batch_of(small)
    network.head.loss(network(batch), batch, LossConfig()).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_gradient_checkpointing_gives_the_same_gradients(small, tuning: str):
    gradients = []
    for checkpointing in (False, True):
        network = network_of(small, train={"tuning": tuning, "gradient_checkpointing": checkpointing}).train()
        batch = batch_of(small)
        network.head.loss(network(batch), batch, LossConfig()).sum().backward()
        gradients.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-6), name


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("head", ["distance", "coords"])
def test_a_saved_network_predicts_the_same(small, tmp_path: Path, tuning: str, head: str):
    config = small_config(runs=[{"name": "a", "train": {"tuning": tuning}, "head": {"kind": head}}]).run("a")
    folder = small.backbone.parent / "model"
    network = build_network(config, folder, torch.float32, 0).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
        network.head.fit([torch.randn(5, 3)])
        expected = network(batch_of(small))
        save_network(network, ResidueTokenizer.from_folder(folder), config, tmp_path / "run")
        found = load_network(config, folder, tmp_path / "run", torch.float32)(batch_of(small))
    assert torch.equal(found, expected)
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
