"""Wrong configurations, made from the models at every leaf and by hand: a line each, with the key, before any job."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types as bounds
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from proteinmtp.base.errors import ConfigError
from proteinmtp.config import BackboneConfig, Config
from proteinmtp.model import backbone_mistakes
from proteinmtp.model.backbone_folder import make_backbone
from proteinmtp.predictors.catalogue import check_backbones, check_results, parse_config, read_config


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, (*path, name))
        else:
            yield (*path, name), field


def wrong_values(field: FieldInfo) -> Iterator[Any]:
    """Values of another type, beyond the bounds, and of a size that nobody means."""
    kinds = {kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)}
    yield {"no": "section"} if get_origin(field.annotation) is not dict else "text"
    if get_origin(field.annotation) is Literal:
        yield "no_such_word"
    if kinds & {int, float} and str not in kinds:
        yield from ("many", True, 10**24, float("inf"), float("nan"))
        for bound in field.metadata:
            if isinstance(bound, bounds.Ge):
                yield bound.ge - 1
            if isinstance(bound, bounds.Gt):
                yield bound.gt
            if isinstance(bound, bounds.Le):
                yield bound.le + 1
            if isinstance(bound, bounds.Lt):
                yield bound.lt
    elif kinds == {bool}:
        yield from (1, "yes")
    elif str in kinds:
        yield 12


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {path[0]: value if len(path) == 1 else nested(path[1:], value)}


GENERATED = [
    (path, value)
    for path, field in leaves(Config)
    for value in (*wrong_values(field), ...)  # ... stands for an unknown key beside the leaf
]


def test_at_every_leaf_wrong_values_are_named_in_one_line_each():
    unnoticed = []
    for path, value in GENERATED:
        key = ".".join(path)
        raw = nested((*path[:-1], f"{path[-1]}x"), 1) if value is ... else nested(path, value)
        try:
            parse_config(raw)
        except ConfigError as error:
            lines = str(error).splitlines()
            assert all(line.startswith(key) or key.startswith(line.partition(":")[0]) for line in lines), (key, lines)
        else:
            unnoticed.append((key, value))
    assert not unnoticed
    assert len(GENERATED) > 300


@pytest.mark.parametrize(
    "results",
    ["/", ".", "./", "//", "-rf", "a/-rf", "../../outside", "a/../b", "", " a", "a ", "a{b}", "~/a"],
)
def test_results_have_a_folder_of_their_own(results: str):
    with pytest.raises(ConfigError, match=r"^results: "):
        parse_config({"results": results})


@pytest.mark.parametrize(
    "results", ["pipeline", "proteinmtp/x", ".git", "/house", "/house/docs", "/", "../house/tests/x"]
)
def test_folders_of_the_project_hold_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: str):
    house = tmp_path / "house"
    house.mkdir()
    monkeypatch.chdir(house)
    with pytest.raises(ConfigError, match=r"^results: .* is a folder of the project itself"):
        check_results(Path(results.replace("/house", str(house)) if results.startswith("/h") else results), house)
    for fine in ("results", "out/docs", str(tmp_path / "docs"), str(tmp_path / "mine")):
        check_results(Path(fine), house)


@pytest.mark.parametrize(
    "results", ["results", "results/2", "/data/results", "my-results", "./x", "tests/x", "a b", "Größe 1, 'a'"]
)
def test_other_folders_for_results_are_fine(results: str):
    assert parse_config({"results": results}).results == results


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"seed: 1\nseed: 2\n", "the key 'seed' stands twice, in lines 1 and 2"),
        (b"defaults:\n  train:\n    lr: 0.1\n    steps: 2\n    lr: 0.2\n", "'lr' stands twice, in lines 3 and 5"),
        (b"- a\n- b\n", "no keys and values, but list"),
        (b"text", "no keys and values, but str"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"a: [\n", "expected"),
        (b"{lr: 0.1, lr: 0.2}\n", "'lr' stands twice, in lines 1 and 1"),
        (b"a: {{ name }}\n", "unhashable"),
        (b"? [a, b]\n: 1\n", "unhashable"),
        (b"seed: !!python/object:os.system x\n", "could not determine a constructor"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_line_with_its_name(tmp_path: Path, content: bytes | None, message: str):
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_config(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ") and message in text and "\n" not in text


def test_an_empty_file_and_merged_keys_are_a_configuration(tmp_path: Path):
    (tmp_path / "empty.yaml").write_text("")
    assert read_config(tmp_path / "empty.yaml").seed == 0
    (tmp_path / "merged.yaml").write_text(
        "runs:\n- &one {name: a, train: {steps: 1}}\n- {<<: *one, name: b}\n- {<<: [*one, *one], name: c}\n"
    )
    assert read_config(tmp_path / "merged.yaml").run("b").train.steps == 1
    (tmp_path / "again.yaml").write_text(
        "defaults:\n  train: &two {<<: {lr: 0.1, steps: 3}, lr: 0.2}\nruns:\n- {name: a, train: {<<: *two, lr: 0.3}}\n"
    )
    assert read_config(tmp_path / "again.yaml").run("a").train.lr == 0.3
    (tmp_path / "mine.json").write_text('{\n\t"seed": 3\n}')
    assert read_config(tmp_path / "mine.json").seed == 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    make_backbone(BackboneConfig.model_validate({"tiny": {"hidden_size": 16, "layers": 1, "heads": 2}}), 0, folder)
    return folder


def without(name: str):
    return lambda folder: (folder / name).unlink()


def cut_weights(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def written(name: str, text: str):
    return lambda folder: (folder / name).write_text(text)


def index_alone(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-00001.safetensors"}}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "does not exist"),
        (lambda folder: (shutil.rmtree(folder), folder.write_text("")), "is no folder"),
        (lambda folder: (shutil.rmtree(folder), folder.mkdir()), "has no config.json"),
        (without("config.json"), "has no config.json"),
        (without("model.safetensors"), "has no .safetensors file"),
        (written("model.safetensors", "x"), "is no safetensors file, or damaged"),
        (cut_weights, "fetch it again"),
        (index_alone, "model-00001.safetensors is missing, which model.safetensors.index.json names"),
        (written("config.json", "{"), "config.json cannot be read"),
        (written("config.json", "[]"), "config.json holds no settings"),
        (written("config.json", "{}"), "names no model_type"),
        (written("config.json", '{"model_type": "mine", "auto_map": {"AutoModel": "x.Y"}}'), "needs code of its own"),
        (written("config.json", '{"model_type": "mine"}'), "'mine' is not known"),
        (written("tokenizer.json", "{"), "tokenizer.json cannot be read"),
    ],
)
def test_a_folder_that_is_no_backbone_is_named_before_any_job(tmp_path: Path, model: Path, change, message: str):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    raw = {"runs": [{"name": "a", "backbone": {"kind": "path", "path": str(folder)}, "slots": {"prompt": "AC"}}]}
    check_backbones(parse_config(raw))
    change(folder)
    with pytest.raises(ConfigError) as raised:
        check_backbones(parse_config(raw))
    text = str(raised.value)
    assert text.startswith("runs[0] (a): backbone.path: ") and message in text and "\n" not in text


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"slots": {"prompt": "fold this"}}, "slots.prompt: the tokenizer in .* does not know 'f', 'o'"),
        (
            {"train": {"tuning": "lora", "lora": {"targets": ["q_proj", "qproj"]}}},
            "no layer is called 'qproj'; there is",
        ),
        (
            {"train": {"tuning": "lora", "lora": {"targets": r".*\.nothing"}}},
            "train.lora.targets: no layer is called so",
        ),
        ({"train": {"tuning": "lora", "lora": {"targets": "("}}}, "train.lora.targets: no regular expression"),
        ({"backbone": {"kind": "tiny"}, "slots": {"prompt": "fold"}}, "slots.prompt: the tiny backbone knows no words"),
    ],
)
def test_prompts_and_layers_that_a_backbone_does_not_have_are_named(model: Path, run: dict, message: str):
    of_path = {"backbone": {"kind": "path", "path": str(model)}}
    with pytest.raises(ConfigError, match=message) as raised:
        check_backbones(parse_config({"runs": [{"name": "a"} | of_path | run]}))
    assert "\n" not in str(raised.value)


def test_layers_by_name_or_expression_and_random_weights_pass(model: Path):
    path = {"backbone": {"kind": "path", "path": str(model)}}
    lora = [
        {"targets": ["q_proj"]},
        {"targets": r".*\.(q|v)_proj"},
        {"targets": r"layers\.\d+\.self_attn\.q_proj"},
        {"targets": "all-linear"},
    ]
    runs = [{"name": f"r{n}", "train": {"tuning": "lora", "lora": one}} | path for n, one in enumerate(lora)]
    check_backbones(parse_config({"runs": runs}))


def test_quantised_weights_without_bitsandbytes_are_refused_before_any_job(monkeypatch: pytest.MonkeyPatch):
    config = parse_config({"runs": [{"name": "a", "train": {"tuning": "lora", "quantization": "nf4"}}]})
    check_backbones(config)
    monkeypatch.setattr(backbone_mistakes, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^runs\[0\] \(a\): train.quantization: .* needs .*requirements-gpu.lock$"):
        check_backbones(config)
