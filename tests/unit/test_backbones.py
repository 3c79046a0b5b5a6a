"""Quantised backbones, random weights, the hub, and how small what is saved is."""

import logging
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file
from transformers import AutoModel, Qwen3Config

from proteinmtp.base.errors import ResumeError
from proteinmtp.base.files import directory_hashes
from proteinmtp.config import BackboneConfig, ConfigError, PredictConfig
from proteinmtp.model import backbone_folder
from proteinmtp.model.backbone import bare_model, compute_type, parameter_count, with_adapter
from proteinmtp.model.build import assemble, build_network, load_network
from proteinmtp.model.network import Network
from proteinmtp.planning.shadow import Frame
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.saved_files import SavedBackbone, SavedRun, model_folder

from ..support.networks import run_of
from ..support.saved_models import save_qwen
from ..support.small import SmallData
from ..support.trained_runs import (
    LORA,
    TRAIN,
    assert_saved_and_loaded,
    batch_of,
    distances_of,
    files_of,
    made,
    process,
    train_of,
    values_of,
)


def lora_network(small: SmallData, quantization: str) -> Network[Any]:
    config = run_of(train={"tuning": "lora", "quantization": quantization})
    return build_network(config, model_folder(small.backbone), dtype=torch.float32, seed=0)


@pytest.mark.parametrize(
    ("kind", "slots"),
    [
        ("nf4", "placeholder"),
        pytest.param("nf4", "none", marks=pytest.mark.slow),
        pytest.param("int8", "placeholder", marks=pytest.mark.slow),
    ],
)
def test_a_quantised_backbone_trains_with_lora_is_saved_and_predicts_the_same(
    small, tmp_path: Path, monkeypatch, kind: str, slots: str
):
    changes = {
        "train": LORA | {"quantization": kind, "gradient_checkpointing": True},
        "slots": {"kind": slots, "attention": "bidirectional" if slots == "none" else "causal"},
        "loss": {"terms": [{"name": "mse"}, {"name": "confidence", "weight": 0.1}]},
    }
    run = train_of(monkeypatch, small, tmp_path, small.backbone, **changes)
    assert run.losses[-1] < 0.95 * run.losses[0]
    start = build_network(run.config, run.folder, dtype=torch.float32, seed=0)
    before, after = values_of(start), values_of(run.network)
    start.train()
    batch = batch_of(small, run.folder)
    start.loss(start(batch), batch).sum().backward()
    graded = {name for name, parameter in start.named_parameters() if parameter.grad is not None}
    asked = {name for name, parameter in start.named_parameters() if parameter.requires_grad}
    moved = {name for name, value in after.items() if not torch.equal(before[name], value)}
    assert graded == asked == moved
    parts = {"backbone", "head", "readouts"} | ({"slot_row"} if slots != "none" else set())
    assert {name.split(".")[0] for name in moved} == parts
    assert all("lora_A" in name or "lora_B" in name for name in moved if name.startswith("backbone"))
    adapted = {name.split(".lora_")[0].rsplit(".", 1)[1] for name in moved if name.startswith("backbone")}
    assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    held = {name for name, value in after.items() if value.dtype in (torch.uint8, torch.int8)}
    assert len(held) == 2 * 7, "seven layers in each of two blocks"
    assert_saved_and_loaded(run, small)


@pytest.mark.parametrize(("kind", "far"), [("nf4", 0.3), ("int8", 0.03)])
def test_quantised_states_are_near_those_of_the_exact_weights(small, kind: str, far: float):
    """Measured: 0.19 of the root mean square for nf4, whose weights are off by a tenth of their deviation."""
    networks = [lora_network(small, quantization) for quantization in ("none", kind)]
    batch = batch_of(small, model_folder(small.backbone))
    with torch.no_grad():
        exact, near = (network.eval().slot_states(batch.residues, batch.lengths)[0] for network in networks)
    assert 0 < (near - exact).square().mean().sqrt() / exact.square().mean().sqrt() < far


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_run_is_predicted_with_its_backbone_held_otherwise(small, tmp_path: Path, monkeypatch, tuning: str):
    """In 4 or 8 bit, or split between devices, of which there is one here; the trained run stays as it is."""
    run = train_of(monkeypatch, small, tmp_path, small.backbone, train=TRAIN[tuning] | {"steps": 6})
    batch, model = batch_of(small, run.folder), run.files.outputs.model
    before, exact = directory_hashes(model), distances_of(run.network, batch)

    def loaded(**predict: Any) -> Network[Any]:
        config = run.config.model_copy(update={"predict": PredictConfig(**predict)})
        return load_network(config, backbone=run.folder, saved=model, dtype=torch.float32)

    for kind, packed in (("nf4", torch.uint8), ("int8", torch.int8)):
        network = loaded(quantization=kind)
        assert sum(p.dtype is packed for p in network.backbone.parameters()) == 2 * 7
        near = distances_of(network, batch)
        assert 0 < (near - exact).abs().max() < 3.0
        table = tmp_path / f"{kind}.parquet"
        settings = run.config.model_copy(
            update={"predict": run.config.predict.model_copy(update={"quantization": kind})}
        )
        run.files.predict(settings, chains=small.chains[0], subset="train", table=table)
        assert table.stat().st_size
    split = loaded(offload=True)
    split.move(torch.device("cpu"), backbone=False)
    assert torch.equal(distances_of(split, batch), exact)
    assert directory_hashes(model) == before


@pytest.mark.parametrize("kind", ["nf4", "int8"])
def test_validation_does_not_change_the_frozen_weights(small, kind: str):
    """On CPUs with AVX512-BF16, bitsandbytes repacks 4-bit weights at the first evaluation, if it is let."""
    gradients = []
    for validated in (False, True):
        network = lora_network(small, kind)
        batch = batch_of(small, model_folder(small.backbone))
        before = values_of(network)
        if validated:
            distances_of(network.eval(), batch)
        assert all(torch.equal(before[name], value) for name, value in values_of(network).items())
        network.train()
        network.loss(network(batch), batch).sum().backward()
        gradients.append({name: p.grad for name, p in network.named_parameters() if p.requires_grad})
    assert all(torch.equal(gradients[0][name], gradient) for name, gradient in gradients[1].items())


def test_parameters_that_share_a_byte_count_each(small):
    counts = [parameter_count(lora_network(small, quantization)) for quantization in ("none", "int8", "nf4")]
    assert counts[0] == counts[1] == counts[2]


def test_a_quantised_run_that_is_stopped_and_resumed_ends_with_the_same_bits(small, tmp_path: Path):
    options = {"tuning": "lora", "quantization": "nf4", "steps": 3, "validate_every": 1}
    hashes = []
    for name, minutes in (("whole", None), ("cut", 1e-9)):
        config = run_of(train=options | {"max_minutes": minutes})
        files = files_of(small, tmp_path / name)
        for _ in range(1 if minutes is None else 2):
            with nullcontext() if minutes is None else pytest.raises(ResumeError, match="start again to go on"):
                files.train(config)
        if minutes is not None:
            files.train(config)
        hashes.append(directory_hashes(files.outputs.model))
    saved = [{name: digest for name, digest in one.items() if name != "config.json"} for one in hashes]
    assert saved[0] == saved[1]


def test_quantised_weights_cannot_be_tuned_in_full():
    with pytest.raises(ConfigError, match=r"train\.quantization is 'nf4', whose weights cannot be trained"):
        parse_config({"defaults": {"train": {"tuning": "full", "quantization": "nf4"}}})


@pytest.mark.slow
def test_the_stage_says_nothing_of_kernels_that_bitsandbytes_misses(small, tmp_path: Path):
    config = run_of(train={"tuning": "lora", "quantization": "nf4", "steps": 1})
    command = files_of(small, tmp_path).command(config)
    done = subprocess.run(**process(command), capture_output=True, check=True)
    assert "kernels" not in done.stderr + done.stdout


def test_what_is_saved_is_less_than_a_hundredth_of_an_8b_backbone():
    """Adapter, head and slot row in float32 against the backbone in bfloat16, from the shapes of Qwen3-8B."""
    train = {"tuning": "lora", "quantization": "nf4"}
    config = parse_config({"runs": [{"name": "a", "train": train}]}).run("a")
    shape = Qwen3Config(
        vocab_size=151936, hidden_size=4096, intermediate_size=12288, num_hidden_layers=36,
        num_attention_heads=32, num_key_value_heads=8, head_dim=128,
    )  # fmt: skip
    with torch.device("meta"):
        model = bare_model(shape)
        backbone = 2 * parameter_count(model)
        network = assemble(with_adapter(model, config.train), config, Frame(prefix=0, suffix=0, known=True))
    saved = 4 * sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    assert backbone == 2 * (8_190_735_360 - 151_936 * 4096), "8.19 billion parameters, less the LM head"
    lora = 36 * 8 * ((4096 + 4096) * 2 + (4096 + 1024) * 2 + (4096 + 12288) * 3)
    assert sum(p.numel() for n, p in network.named_parameters() if "lora_" in n) == lora
    assert saved < 0.01 * backbone
    assert saved / backbone == pytest.approx(0.0062, abs=0.0001)


def test_the_saved_files_are_those_parameters_and_little_else(small, tmp_path: Path, monkeypatch):
    run = train_of(monkeypatch, small, tmp_path, small.backbone, train={"tuning": "lora"})
    weights = sum(path.stat().st_size for path in run.files.outputs.model.rglob("*.safetensors"))
    trained = 4 * SavedRun.read(run.files.outputs.record).trained_parameters
    assert trained <= weights < trained + 20_000


def test_the_number_of_files_of_a_backbone_is_logged(tmp_path: Path, caplog):
    source = save_qwen(tmp_path / "source")
    with caplog.at_level(logging.INFO):
        record = made(BackboneConfig(kind="path", path=str(source)), tmp_path / "made")
    saved = SavedBackbone.read(record)
    assert caplog.messages[-1] == f"backbone {saved.origin}: {len(saved.files)} files" and saved.files


def test_random_weights_keep_architecture_and_tokenizer(tmp_path: Path):
    source = save_qwen(tmp_path / "source")
    (source / "model.safetensors.index.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    origins, weights = [], []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        record = made(BackboneConfig(kind="path", path=str(source), random=True), tmp_path / name, seed)
        origins.append(SavedBackbone.read(record).origin)
        weights.append(load_file(tmp_path / name / "model" / "model.safetensors"))
    assert all(origin == f"{source}, random weights" for origin in origins)
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before, "the given model stays as it was"
    given, drawn = (AutoModel.from_pretrained(folder) for folder in (source, tmp_path / "a" / "model"))
    assert type(given) is type(drawn)
    shapes = [{name: value.shape for name, value in model.state_dict().items()} for model in (given, drawn)]
    assert shapes[0] == shapes[1]
    matrix = "layers.0.self_attn.q_proj.weight"
    assert not torch.equal(given.state_dict()[matrix], drawn.state_dict()[matrix])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0][matrix], weights[2][matrix])
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / "model" / name).read_bytes() == before[name]


@pytest.mark.parametrize("random", [False, True])
def test_the_hub_is_asked_for_the_pinned_revision_and_for_weights_only_if_they_are_used(
    tmp_path: Path, monkeypatch, random: bool
):
    source = save_qwen(tmp_path / "source")
    (source / "model.bin").write_bytes(b"")
    (source / "code.py").write_text("")
    asked = []

    def download(repository: str, revision: str, local_dir: Path, **patterns) -> None:
        names = [path.name for path in source.iterdir()]
        asked.append((repository, revision, sorted(huggingface_hub.utils.filter_repo_objects(names, **patterns))))
        for name in asked[0][2]:
            shutil.copyfile(source / name, local_dir / name)

    monkeypatch.setattr(backbone_folder, "snapshot_download", download)
    revision = "0123456789" * 4
    config = BackboneConfig(kind="hub", hub={"id": "a/b", "revision": revision}, random=random)
    record = made(config, tmp_path / "backbone")
    texts = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
    assert asked == [("a/b", revision, sorted(texts if random else [*texts, "model.safetensors"]))]
    assert SavedBackbone.read(record).origin == f"a/b@{revision}" + (", random weights" if random else "")


def test_random_weights_need_an_architecture():
    with pytest.raises(ConfigError, match="'tiny' has random weights anyway"):
        parse_config({"defaults": {"backbone": {"random": True}}})


@pytest.mark.parametrize(
    ("tiny", "message"),
    [({"hidden_size": 36, "heads": 4}, "must be a multiple of 2 x heads"),
     ({"heads": 4, "key_value_heads": 3}, "must be a multiple of key_value_heads")],
)  # fmt: skip
def test_heads_must_divide_what_they_share(tiny: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        parse_config({"defaults": {"backbone": {"tiny": tiny}}})


@pytest.mark.slow
def test_a_quantised_run_in_bfloat16_predicts_what_it_was_trained_to(small, tmp_path: Path, monkeypatch):
    """As on a GPU: scales of the weights, and the arithmetic, in bfloat16; what is trained in float32."""
    options = LORA | {"quantization": "nf4", "precision": "bfloat16", "gradient_checkpointing": True}
    AcceleratorState._reset_state(reset_partial_state=True)
    run = train_of(monkeypatch, small, tmp_path, small.backbone, train=options)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert run.losses[-1] < 0.95 * run.losses[0]
    assert {p.dtype for p in run.network.parameters() if p.requires_grad} == {torch.float32}
    batch = batch_of(small, run.folder)
    loaded = load_network(
        run.config, backbone=run.folder, saved=run.files.outputs.model, dtype=compute_type(run.config.train)
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(distances_of(loaded, batch), distances_of(run.network, batch))
