"""The planner: it counts the storages of the real code exactly, loads nothing, and says what it cannot know."""

import json
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import bench_gpu
import bench_plan
import pytest
import torch
import yaml
from transformers import ModernBertConfig
from typer.testing import CliRunner

from proteinmtp.cli.main import app
from proteinmtp.config import TinyBackbone
from proteinmtp.model.backbone import bare_model, parameter_count
from proteinmtp.model.backbone_folder import make_backbone
from proteinmtp.model.build import build_network, save_network
from proteinmtp.model.published import MODELS as PUBLISHED
from proteinmtp.model.tiny import tiny_config
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.planning import plan as planning
from proteinmtp.planning.allocators import Blocks
from proteinmtp.planning.layers import depth, depths_to_trace
from proteinmtp.planning.plan import GIB, MIB, Device, Plan, plan_run
from proteinmtp.planning.quantised import quantise
from proteinmtp.planning.shadow import Frame, Target, architecture, predict, shadow_network, train_step
from proteinmtp.planning.storage import StorageCounter, counted
from proteinmtp.tables.saved_files import model_folder

from ..support import networks
from ..support.presets import MODELS

CPU = Device(gpu=False, memory=GIB)
FLOAT32 = Target(gpu=False, dtype=torch.float32)
RUNS = {
    "full": {},
    "lora": {"train": {"tuning": "lora"}, "slots": {"kind": "echo"}},
    "pieces": {"train": {"gradient_accumulation": 2}, "slots": {"kind": "none", "attention": "bidirectional"}},
    "checkpointed": {
        "train": {"tuning": "lora", "gradient_checkpointing": True},
        "slots": {"attention": "bidirectional", "pooled": True},
        "loss": {"terms": [{"name": "huber"}, {"name": "dihedral"}, {"name": "confidence"}]},
    },
    "distogram": {"head": {"kind": "distogram", "trunk": "triangle", "blocks": 1}, "train": {"batch_size": 2}},
    "equivariant": {"head": {"kind": "equivariant"}},
    "frames": {"head": {"kind": "frames"}},
    "label_wise": {"head": {"kind": "label_wise", "max_length": 64}},
    "coordinate_wise": {"head": {"kind": "coordinate_wise", "max_length": 64}},
}


ALWAYS = ("qwen3-8b", "esm2-150m")
"""Models that are planned in each run of the tests, a large one and one of another kind; the others are slow."""


def run_of(name: str):
    return networks.run_of(**RUNS[name])


@pytest.mark.parametrize("name", RUNS)
def test_fake_tensors_take_as_many_bytes_at_their_peak_as_real_ones(name: str):
    config, peaks = run_of(name), []
    for counting in (counted(Blocks()), StorageCounter(Blocks())):
        with counting as counter:
            network = shadow_network(
                config,
                architecture(config.backbone),
                around=Frame(prefix=1, suffix=1, known=True),
                target=FLOAT32,
                counter=counter,
            )
            counter.allocator.begin()
            train_step(config, network, length=40, target=FLOAT32)
            training = counter.allocator.peak
            network.zero_grad()
            counter.allocator.begin()
            held = predict(config, network, length=40, target=FLOAT32, allocator=counter.allocator)
            peaks.append((training, counter.allocator.peak, held))
    fake, real = peaks
    assert fake == real


@pytest.mark.parametrize("name", ["full", "checkpointed", "distogram"])
def test_parameters_and_size_on_disk_are_those_of_the_real_network(small, tmp_path: Path, name: str):
    config = run_of(name)
    plan = plan_run("a", config, length=40, device=CPU)
    folder = model_folder(small.backbone)
    network = build_network(config, folder, dtype=torch.float32, seed=0)
    assert plan.tokens == network.tokens_of(40)
    assert plan.parameters == sum(p.numel() for p in network.parameters())
    assert plan.trainable == sum(p.numel() for p in network.parameters() if p.requires_grad)
    save_network(network, tokenizer=ResidueTokenizer.from_folder(folder), config=config, folder=tmp_path)
    saved = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert plan.artefact == pytest.approx(saved, rel=0.1), "safetensors adds names and shapes, 0.1 KB a tensor"


def test_a_folder_with_nothing_but_its_config_is_planned(tmp_path: Path):
    settings = networks.run_of()
    tiny_config(settings.backbone.tiny).save_pretrained(tmp_path)
    path = {"kind": "path", "path": str(tmp_path)}
    config = networks.run_of(backbone=path)
    plan = plan_run("a", config, length=40, device=CPU)
    own = plan_run("a", settings, length=40, device=CPU)
    assert plan.parameters == own.parameters
    assert plan.tokens == own.tokens + 2
    assert any("no tokenizer" in note for note in plan.notes)
    assert not any("backbone.pretrain" in note for note in plan.notes)


def test_a_plan_says_that_pretraining_is_not_in_it(tmp_path: Path):
    tiny_config(networks.run_of().backbone.tiny).save_pretrained(tmp_path)
    config = networks.run_of(backbone={"kind": "path", "path": str(tmp_path), "pretrain": {"when": "always"}})
    assert any("backbone.pretrain" in note for note in plan_run("a", config, length=40, device=CPU).notes)


def test_eight_billion_parameters_are_planned_in_the_memory_of_a_small_process(tmp_path: Path):
    """36 layers would take 16 GB; two are enough to see that none of them is allocated."""
    settings = bench_gpu.shapes()["Qwen3-8B"]
    settings.num_hidden_layers, settings.layer_types = 2, settings.layer_types[:2]
    bench_gpu.write_architecture(settings, tmp_path)
    case = next(case for case in bench_gpu.CASES if case.name == "bf16")
    before = resident()
    plan = bench_gpu.planned(case, tmp_path, 64)
    weights = 2 * (plan.parameters - plan.trainable)
    assert weights > 1.8 * GIB
    assert resident() - before < 200 * MIB
    assert weights < plan.inference < plan.training < 1.5 * weights
    assert "above" not in bench_gpu.line(case, "train", plan=plan.training, measured=plan.training, limit=24).lower()
    assert "ABOVE 1 GiB" in bench_gpu.line(case, "train", plan=plan.training, measured=None, limit=1)


def resident() -> int:
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_quantised_layers_take_half_a_byte_or_one_and_their_scales(tmp_path: Path):
    sizes = {}
    for kind in ("none", "nf4", "int8"):
        with counted(Blocks()) as counter:
            model = torch.nn.Sequential(torch.nn.Linear(1024, 2048, bias=False))
            if kind != "none":
                quantise(model, kind, torch.float32)
            sizes[kind] = counter.allocator.now
            counter.allocator.begin()
            x = torch.zeros(1, 1024, requires_grad=True)
            model(x).sum().backward()
            assert x.grad.shape == x.shape
            if kind != "none":
                dense = 4 * 1024 * 2048
                assert dense < counter.allocator.peak - sizes[kind] < 1.1 * dense, "one layer at a time, made anew"
    count = 1024 * 2048
    assert sizes == {"none": 4 * count, "nf4": count / 2 + count / 64 + count / 64 / 256 * 4, "int8": count + 4 * 2048}


def test_the_planned_growth_of_a_training_process_is_the_measured_one(tmp_path: Path):
    """Within a fifth: resident memory also holds what glibc keeps, which differs by some percent between machines."""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    changes = {"train": {"batch_size": 4}, "backbone": {"tiny": {}}, "head": {"width": 64}}
    config = networks.run_of(**changes)
    make_backbone(config.backbone, 0, tmp_path / "model")
    measured = bench_plan.measured("train", config, backbone=tmp_path / "model", length=256)
    assert plan_run("a", config, length=256, device=CPU).training == pytest.approx(measured, rel=0.2)


DEEP = {
    "full": {},
    "lora": {"train": {"tuning": "lora"}, "slots": {"kind": "echo"}},
    "checkpointed": {
        "train": {"tuning": "lora", "gradient_checkpointing": True, "gradient_accumulation": 2},
        "slots": {"attention": "bidirectional", "pooled": True},
    },
    "nf4": {"train": {"tuning": "lora", "gradient_checkpointing": True, "quantization": "nf4", "gpus": 2}},
    "int8": {"train": {"tuning": "lora", "quantization": "int8"}, "head": {"kind": "distogram"}},
    "esm": {
        "backbone": {"tiny": {"family": "esm"}},
        "train": {"tuning": "lora", "gradient_accumulation": 2},
        "slots": {"kind": "none", "attention": "bidirectional"},
    },
}


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("full", True),
        ("checkpointed", True),
        ("esm", False),
        pytest.param("lora", False, marks=pytest.mark.slow),
        pytest.param("checkpointed", False, marks=pytest.mark.slow),
        pytest.param("nf4", True, marks=pytest.mark.slow),
        pytest.param("nf4", False, marks=pytest.mark.slow),
        pytest.param("int8", True, marks=pytest.mark.slow),
    ],
)
def test_a_deep_model_needs_what_two_shallow_ones_say_it_needs(monkeypatch, name: str, gpu: bool):
    changes = dict(DEEP[name])
    tiny = {"hidden_size": 32, "layers": 5, "heads": 2, "intermediate_size": 64}
    tiny |= changes.get("backbone", {}).get("tiny", {"key_value_heads": 1})
    config = networks.run_of(**changes | {"backbone": {"tiny": tiny}})
    device = Device(gpu=gpu, memory=GIB)
    few = plan_run("a", config, length=20, device=device)
    monkeypatch.setattr(planning, "depths_to_trace", lambda model: (depth(model),))
    whole = plan_run("a", config, length=20, device=device)
    for few_bytes, whole_bytes in ((few.training, whole.training), (few.inference, whole.inference)):
        assert few_bytes == pytest.approx(whole_bytes, abs=0 if gpu else 8), "the heap's holes are rounded"
    assert replace(few, training=0, inference=0) == replace(whole, training=0, inference=0)


def test_all_layers_are_traced_where_they_are_not_alike():
    alike = PUBLISHED["Qwen/Qwen3-8B"].architecture()
    assert depths_to_trace(alike) == (3, 4)
    alike.layer_types[-1] = "sliding_attention"
    assert depths_to_trace(alike) == (36,)
    assert depths_to_trace(ModernBertConfig(num_hidden_layers=22)) == (22,)
    assert depths_to_trace(tiny_config(TinyBackbone(layers=4))) == (4,)


@pytest.mark.parametrize(
    ("name", "millions", "head"),
    [
        # Qwen2.5 technical report and model cards: 0.49 and 7.61 billion; the safetensors on the hub: 494,032,768
        # and 7,615,616,512. Qwen3-8B: 8.2 billion; 8,190,735,360.
        ("Qwen/Qwen2.5-0.5B", 494.032768, 0),
        ("Qwen/Qwen2.5-7B", 7615.616512, 152064 * 3584),
        ("Qwen/Qwen3-8B", 8190.735360, 151936 * 4096),
        # ESM-2 (Lin et al. 2023): 150 million, 148 counted.
        ("facebook/esm2_t30_150M_UR50D", 148.14, 640 * 640 + 640 + 2 * 640 + 33),
    ],
)
def test_a_published_shape_has_the_published_number_of_parameters(name: str, millions: float, head: int):
    with torch.device("meta"):
        model = bare_model(PUBLISHED[name].architecture())
    whole = parameter_count(model) + head
    assert whole / 1e6 == pytest.approx(millions, rel=1e-4 if "esm" in name else 1e-9)


@pytest.fixture
def no_network(monkeypatch):
    """Nothing may ask the network; what tries is noted, and waits for no better time."""
    tried = []
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def refuse(*arguments: object, **options: object) -> None:
        tried.append(arguments)
        raise OSError("no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return tried


@pytest.mark.parametrize(
    "model", [pytest.param(model, marks=[] if model in ALWAYS else pytest.mark.slow) for model in MODELS]
)
def test_a_preset_is_planned_without_the_network(root: Path, no_network: list, model: str):
    preset = root / "workflow" / "presets" / "model" / f"{model}.yaml"
    done = invoke("--config", str(preset), "--length", "8", "--memory", "24", "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert {row["run"] for row in rows} == MODELS[model] and all(row["fits"] for row in rows)
    assert no_network == []


def test_a_model_that_is_not_known_gets_one_line_without_the_network(config_file: Path, no_network: list):
    hub = {"id": "some/other-model", "revision": 40 * "0"}
    config_file.write_text(yaml.safe_dump({"runs": [{"name": "a", "backbone": {"kind": "hub", "hub": hub}}]}))
    line = mistake(invoke("--config", str(config_file)))
    assert line.startswith("error: run a: backbone.hub: no config.json of some/other-model@000")


def test_memory_grows_with_what_makes_it_grow():
    def training(length: int = 40, **train: object) -> int:
        config = networks.run_of(train={"batch_size": 4, **train})
        return plan_run("a", config, length=length, device=Device(gpu=True, memory=GIB)).training

    four = training()
    assert four > training(gradient_accumulation=2)
    assert four > training(gradient_checkpointing=True)
    assert training(length=80) > four


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["plan", *arguments])


def mistake(done) -> str:
    """Return the one line in which a command ended."""
    assert done.exit_code == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    tiny = "{hidden_size: 32, layers: 1, heads: 2, key_value_heads: 1, intermediate_size: 64}"
    path.write_text(
        f"defaults: {{backbone: {{tiny: {tiny}}}}}\n"
        "runs:\n- {name: a}\n- {name: b, loss: {terms: null}, head: {kind: label_wise, max_length: 40}}\n"
    )
    return path


def test_the_command_says_what_fits(config_file: Path):
    done = invoke("--config", str(config_file), "--run", "a", "--length", "30", "--memory", "4")
    assert done.exit_code == 0
    assert "fits" in done.output and "DOES NOT" not in done.output
    done = invoke("--config", str(config_file), "--run", "a", "--length", "30", "--memory", "0.5")
    assert "DOES NOT FIT" in done.output


def test_the_later_of_several_files_says_more(config_file: Path, tmp_path: Path):
    (tmp_path / "data.yaml").write_text("parse: {max_length: 35}\ndefaults: {predict: {batch_size: 7}}\n")
    done = invoke("--config", str(config_file), "--config", str(tmp_path / "data.yaml"), "--run", "a", "--json")
    assert done.exit_code == 0, done.output
    assert [(row["length"], row["predict_chains"]) for row in json.loads(done.stdout)] == [(35, 7)]


def test_the_command_prints_json_for_all_runs(config_file: Path):
    done = invoke("--config", str(config_file), "--length", "30", "--memory", "4", "--json")
    rows = json.loads(done.stdout)
    assert [row["run"] for row in rows] == ["a", "b"]
    assert {row["tokens"] for row in rows} == {60}
    assert set(rows[0]) == set(Plan.__dataclass_fields__) | {"fits"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "c"], "there is no run c; runs: a, b"),
        (["--memory", "0"], "--memory: 0 GiB is no size"),
        (["--run", "b", "--length", "50"], "run b: a chain has 50 residues; head.max_length is 40"),
    ],
)
def test_mistakes_get_one_line(config_file: Path, arguments: list[str], message: str):
    done = invoke("--config", str(config_file), *arguments)
    assert message in mistake(done)


@pytest.mark.parametrize("content", [None, '{"model_type": "no_such_model"}', "{}"])
def test_a_backbone_without_a_usable_config_gets_one_line(config_file: Path, tmp_path: Path, content: str | None):
    folder = tmp_path / "backbone"
    folder.mkdir()
    if content is not None:
        (folder / "config.json").write_text(content)
    config_file.write_text(f"runs:\n- {{name: a, backbone: {{kind: path, path: {folder}}}}}\n")
    done = invoke("--config", str(config_file))
    assert mistake(done).startswith("error: run a: ")


def test_without_a_gpu_a_run_that_asks_for_one_is_planned_for_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = networks.run_of(train={"gpus": 1})
    device = planning.device_for(config, None)
    assert not device.gpu and device.memory > 0
    assert any("no GPU here" in note for note in plan_run("a", config, length=30, device=device).notes)
    assert planning.device_for(config, 24) == Device(gpu=True, memory=24 * GIB)


def test_the_gpu_benchmark_ends_with_one_line_where_there_is_none(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bench_gpu.py"])
    with pytest.raises(SystemExit) as ended:
        bench_gpu.main()
    assert ended.value.code == (
        "bench_gpu: there is no GPU here, so nothing is measured; --plan prints what is planned"
    )
    assert not capsys.readouterr().out


def test_the_gpu_benchmark_makes_a_folder_that_the_network_is_built_from(tmp_path: Path):
    """The parts that need no GPU, with a tiny shape; the measuring process is that of the test of the growth."""
    settings = tiny_config(bench_gpu.SMALLEST)
    bench_gpu.write_architecture(settings, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    case = bench_gpu.Case("tiny", "bf16", bench_gpu.CHECKPOINTED)
    plan = bench_gpu.planned(case, tmp_path, 16)
    bench_gpu.write_weights(settings, tmp_path, "cpu")
    network = build_network(bench_gpu.run_config(case, tmp_path), tmp_path, dtype=torch.bfloat16, seed=0)
    assert plan.parameters == sum(p.numel() for p in network.parameters())


def test_a_head_that_writes_a_text_is_left_out_with_a_reason(config_file: Path):
    text = config_file.read_text() + "- {name: c, slots: {kind: none}, head: {kind: digits}, loss: {terms: null}}\n"
    config_file.write_text(text)
    line = mistake(invoke("--config", str(config_file), "--run", "c"))
    assert line.startswith("error: run c: the memory of the head digits depends on what it writes")
    done = invoke("--config", str(config_file), "--length", "30", "--memory", "4", "--json")
    assert [row["run"] for row in json.loads(done.stdout)] == ["a", "b"]
