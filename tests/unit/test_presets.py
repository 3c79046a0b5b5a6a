"""Presets: each changes its own sections, so that data and model go together in any order."""

import re
from collections.abc import Mapping
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from snakemake.utils import update_config

from proteinmtp.base.yaml_file import read_yaml
from proteinmtp.config import SourceConfig, TableSplit
from proteinmtp.model.published import MODELS as PUBLISHED
from proteinmtp.predictors.catalogue import parse_config, read_config
from proteinmtp.structures.listing import load_source
from proteinmtp.tables.subset_table import read_subset_table

from ..support.presets import DATA, MODELS, NAMES

OWN = {
    "data": {"source", "parse", "split"},
    "model": {"defaults", "runs"},
    "study": {"results", "report", "nulls", "evaluate", "comparators", "defaults", "runs"},
}
"""The sections that presets of a group may change."""


@pytest.fixture(scope="module")
def presets(root: Path) -> dict[str, Mapping[str, Any]]:
    folder = root / "workflow" / "presets"
    return {path.relative_to(folder).with_suffix("").as_posix(): read_yaml(path) for path in folder.rglob("*.yaml")}


def merged(*configs: Mapping[str, Any]) -> dict[str, Any]:
    """Return configurations on top of each other, as snakemake lays them."""
    result: dict[str, Any] = {}
    for config in configs:
        update_config(result, deepcopy(config))
    return result


def test_the_presets_are_those_that_are_tested_together(presets: dict[str, Mapping[str, Any]]):
    assert presets.keys() == set(NAMES)


def test_a_preset_changes_the_sections_of_its_group_alone(presets: dict[str, Mapping[str, Any]]):
    for name, config in presets.items():
        group = name.partition("/")[0]
        assert config.keys() <= OWN[group], name
        if group == "data":
            assert {"source", "split"} <= config.keys(), name
        if group == "study":
            assert config["results"] == f"results/{name.partition('/')[2]}"


def test_a_model_says_what_it_is_and_how_it_is_trained_and_leaves_heads_and_losses_alone(
    presets: dict[str, Mapping[str, Any]],
):
    assert not OWN["data"] & OWN["model"]
    for name, runs in MODELS.items():
        config = presets[f"model/{name}"]
        assert {"backbone", "train"} <= config["defaults"].keys() <= {"backbone", "slots", "train", "predict"}
        assert ("runs" in config) == (name != "tiny")
        for run in config.get("runs", []):
            assert run.keys() <= {"name", "description", "backbone"}
        assert {entry.name for entry in parse_config(config).runs} == runs


@pytest.mark.parametrize(("data", "model"), product(DATA, MODELS))
def test_data_and_model_are_the_same_configuration_in_either_order(
    root: Path, presets: dict[str, Mapping[str, Any]], data: str, model: str
):
    own, one, other = read_yaml(root / "config.yaml"), presets[f"data/{data}"], presets[f"model/{model}"]
    both = merged(own, one, other)
    assert both == merged(own, other, one)
    config = parse_config(both)
    assert {entry.name for entry in config.runs} == MODELS[model]
    assert config.source == parse_config(one).source and config.split == parse_config(one).split


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_valid_by_itself(root: Path, name: str):
    read_config(root / "workflow" / "presets" / f"{name}.yaml")


def test_no_preset_names_a_place_outside_the_folder_where_it_runs(root: Path):
    for path in (root / "workflow" / "presets").rglob("*.yaml"):
        for value in re.findall(r"^\s*(?:path|ids|folder): (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert not value.startswith(("/", "~", "..")), path


@pytest.mark.parametrize("name", [name for name in MODELS if name != "tiny"])
def test_a_preset_of_the_hub_is_pinned_to_a_known_model_and_spares_memory(root: Path, name: str):
    config = read_config(root / "workflow" / "presets" / "model" / f"{name}.yaml")
    for entry in config.runs:
        run = config.run(entry.name)
        assert run.backbone.kind == "hub"
        assert PUBLISHED[run.backbone.hub.id].revision == run.backbone.hub.revision
        assert run.train.tuning == "lora" and run.train.gradient_checkpointing and run.train.gpus == 1
        assert run.train.quantization == ("nf4" if name in ("qwen2.5-7b", "qwen3-8b") else "none")
        assert run.train.batch_size % run.train.gradient_accumulation == 0


@pytest.mark.parametrize(
    ("study", "heads", "model"),
    [
        ("phase1", ["coords", "label_wise"], "Qwen/Qwen2.5-0.5B"),
        ("phase2", ["coords"], "Qwen/Qwen3-8B"),
        ("phase3", ["distance"], "Qwen/Qwen3-8B"),
    ],
)
def test_the_phases_are_what_they_were(root: Path, study: str, heads: list[str], model: str):
    config = read_config(root / "workflow" / "presets" / "study" / f"{study}.yaml")
    runs = [config.run(entry.name) for entry in config.runs]
    assert [run.head.kind for run in runs] == heads
    for run in runs:
        train = run.train
        assert (run.backbone.hub.id, run.backbone.hub.revision) == (model, PUBLISHED[model].revision)
        assert (run.slots.kind, run.slots.positions, run.slots.attention) == ("placeholder", "continued", "causal")
        assert (train.tuning, train.lora.rank, train.lora.alpha, train.epochs, train.lr) == ("lora", 8, 16, 3, 5e-5)
        assert train.quantization == "none" and train.gradient_checkpointing
        if model == "Qwen/Qwen3-8B":
            assert (train.precision, train.gradient_accumulation) == ("bfloat16", 8)
        terms = {term.name for term in run.loss.terms}
        assert terms == ({"mse"} if run.head.kind == "distance" else {"coordinates"})
        assert run.head.kind == "distance" or run.head.normalisation == "global"


def test_the_500_entries_and_their_split_belong_together(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(root)
    raw = read_yaml(root / "workflow" / "presets" / "data" / "pdb500.yaml")
    config = parse_config(raw)
    entries = {file.entry_id for file in load_source(SourceConfig(**raw["source"]), root / "results").list_files()}
    table = read_subset_table(TableSplit(**raw["split"]["table"]))
    assert len(entries) == 500
    assert all(re.fullmatch(r"[1-9][0-9a-z]{3}_[0-9A-Za-z]{1,3}", chain) for chain in table.exact)
    assert sorted(chain[:4] for chain in table.exact) == sorted(entries)
    counts = {subset: list(table.exact.values()).count(subset) for subset in ("train", "val", "test")}
    assert counts == {"train": 350, "val": 50, "test": 100}
    assert config.parse.copies == "all", "or the copy that is kept may be one that the table does not name"
