"""Encoders under the slots: what they see, what of them is trained, and which are refused."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from proteinmtp.config import ConfigError
from proteinmtp.model.backbone import BackboneError
from proteinmtp.model.build import build_network
from proteinmtp.model.network import Network
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.saved_files import model_folder

from ..support.networks import run_of
from ..support.saved_models import save_encoder, save_esm
from ..support.trained_runs import (
    ENCODER,
    LORA,
    READ_OUT,
    STEPS,
    TRAIN,
    assert_saved_and_loaded,
    batch_of,
    linked,
    made,
    train_of,
)


def network_of(folder: Path, **changes: object) -> Network:
    return build_network(run_of(**changes), folder, dtype=torch.float32, seed=0)


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("changes", [READ_OUT, ENCODER], ids=["no slots", "slots"])
def test_an_esm_2_model_trains_is_saved_and_predicts_the_same(
    small, tmp_path: Path, monkeypatch, caplog, tuning: str, changes: dict
):
    backbone = linked(save_esm(tmp_path / "source"), tmp_path / "backbone")
    options = TRAIN[tuning]
    run = train_of(monkeypatch, small, tmp_path, backbone, train=options, **changes)
    assert run.losses[-1] < 0.95 * run.losses[0]
    names = {name for name, parameter in run.network.named_parameters() if parameter.requires_grad}
    assert not any("contact_head" in name or "pooler" in name for name in names)
    assert_saved_and_loaded(run, small)
    assert "MISSING" not in caplog.text


def test_a_quantised_encoder_trains_too(small, tmp_path: Path, monkeypatch):
    backbone = linked(save_esm(tmp_path / "source"), tmp_path / "backbone")
    options = LORA | {"quantization": "nf4", "gradient_checkpointing": True}
    run = train_of(monkeypatch, small, tmp_path, backbone, train=options, **READ_OUT)
    assert run.losses[-1] < 0.95 * run.losses[0]
    assert_saved_and_loaded(run, small)


@pytest.mark.parametrize("family", ["esm", "modernbert"])
@pytest.mark.parametrize("changes", [READ_OUT, ENCODER], ids=["no slots", "slots"])
def test_padding_and_batch_mates_do_not_change_what_an_encoder_says(small, tmp_path: Path, family: str, changes: dict):
    folder = model_folder(linked(save_encoder(tmp_path / "source", family), tmp_path / "backbone"))
    network = network_of(folder, **changes).eval()
    tokenizer = ResidueTokenizer.from_folder(folder)
    chains = ["MKVLITGAGS", "ACDEFGHIKLMNPQRSTVWY" * 2, "WYV"]
    batch = torch.nn.utils.rnn.pad_sequence([torch.tensor(tokenizer.encode(chain)) for chain in chains], True)
    with torch.no_grad():
        together = network.slot_states(batch, torch.tensor([len(chain) for chain in chains]))
        for row, chain in enumerate(chains):
            alone = network.slot_states(torch.tensor([tokenizer.encode(chain)]), torch.tensor([len(chain)]))[0]
            assert torch.allclose(together[row, : len(chain)], alone, atol=1e-5)


def test_modernbert_is_read_as_the_model_itself_reads_it(tmp_path: Path):
    """The same for ESM is among the tests of tokenizers."""
    folder = model_folder(linked(save_encoder(tmp_path / "source", "modernbert"), tmp_path / "backbone"))
    network = network_of(folder, **READ_OUT).eval()
    ids = torch.tensor([ResidueTokenizer.from_folder(folder).encode("MKVLITGAGS")])
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder).eval()(input_ids=ids).last_hidden_state
        assert torch.allclose(network.slot_states(ids, torch.tensor([10])), expected, atol=1e-5)


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("family", ["esm", "modernbert"])
def test_nothing_of_an_encoder_is_trained_without_a_gradient(small, tmp_path: Path, family: str, tuning: str):
    """What gets none would stop training on several GPUs, where every parameter is waited for."""
    folder = model_folder(linked(save_encoder(tmp_path / "source", family), tmp_path / "backbone"))
    network = network_of(folder, train={"tuning": tuning}, **READ_OUT)
    batch = batch_of(small, folder)
    network.loss(network(batch), batch).sum().backward()
    assert not [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]


def test_an_encoder_sees_both_ways_and_a_causal_one_is_refused(small, tmp_path: Path):
    folder = model_folder(linked(save_esm(tmp_path / "source"), tmp_path / "backbone"))
    with pytest.raises(BackboneError, match=r"slots\.attention is 'causal', but the backbone \(esm\) is an encoder"):
        network_of(folder)
    network = network_of(folder, **READ_OUT).eval()
    tokenizer = ResidueTokenizer.from_folder(folder)
    with torch.no_grad():
        one, two = (
            network.slot_states(torch.tensor([tokenizer.encode(chain)]), torch.tensor([10]))
            for chain in ("MKVLITGAGS", "MKVLITGAGA")
        )
    assert ((one - two).abs().amax(-1) > 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"position_embedding_type": "absolute"}, "ESM-2 type"), ({"emb_layer_norm_before": True}, "ESM-2 type")],
)
def test_older_esm_models_are_refused(tmp_path: Path, change: dict, message: str):
    with pytest.raises(BackboneError, match=message):
        linked(save_esm(tmp_path / "source", **change), tmp_path / "backbone")


def test_encoders_that_count_positions_otherwise_are_refused(tmp_path: Path):
    source = save_esm(tmp_path / "source")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"model_type": "roberta"}))
    with pytest.raises(BackboneError, match="encoders of type roberta are not supported"):
        linked(source, tmp_path / "backbone")


@pytest.mark.parametrize("family", ["qwen3", "esm"])
def test_both_tiny_families_train_are_saved_and_predict_the_same(small, tmp_path: Path, monkeypatch, family: str):
    changes = {"backbone": {"tiny": {"family": family}}} | (READ_OUT if family == "esm" else {})
    records = [made(run_of(**changes).backbone, tmp_path / name) for name in ("one", "two")]
    assert records[0].read_text() == records[1].read_text()
    assert AutoModel.from_pretrained(tmp_path / "one" / "model").config.model_type == family
    run = train_of(monkeypatch, small, tmp_path, records[0], train=STEPS, **changes)
    assert run.losses[-1] < 0.95 * run.losses[0]
    assert_saved_and_loaded(run, small)


def test_a_tiny_encoder_with_causal_slots_is_refused_before_any_job():
    with pytest.raises(ConfigError, match=r"backbone\.tiny\.family 'esm' is an encoder.*set slots\.attention"):
        parse_config({"defaults": {"backbone": {"tiny": {"family": "esm"}}}})
