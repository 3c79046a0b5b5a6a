"""Presets as people combine them: a data set, a model, a study."""

import json
import re
from functools import reduce
from itertools import cycle, product
from pathlib import Path

import pytest
import yaml

from proteinmtp.base.yaml_file import read_yaml
from proteinmtp.config import merged

from ..support.dry_runs import DryRun, dry_runs
from ..support.presets import DATA, MODELS, STUDIES, data_sets_at_hand
from ..support.project import Project, copy_project

PAIRS = [(f"data/{data}", f"model/{model}") for data, model in product(DATA, MODELS)]
EACH_ONCE = [(f"data/{data}", f"model/{model}") for data, model in zip(DATA, cycle(MODELS), strict=False)]
"""Pairs in which every data set and every model stands."""
LARGE = ("ablations", "phase2")
"""Studies of many runs, or like another one."""


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout in which the data lie where the presets look for them."""
    project = copy_project(root, tmp_path_factory.mktemp("presets") / "checkout")
    data_sets_at_hand(project.folder)
    return project


def run_dry(checkout: Project, pairs: list[tuple[str, str]]) -> list[DryRun]:
    configs = [[f"workflow/presets/{name}.yaml" for name in pair] for pair in pairs]
    return dry_runs(checkout.folder, configs, checkout.environment())


def check(done: DryRun, runs: set[str]) -> None:
    assert done.code == 0, done.output[-3000:]
    assert "Job stats:" in done.output
    assert runs <= set(re.findall(r"Train (\w+);", done.output)), done.output[-3000:]


def check_pairs(checkout: Project, pairs: list[tuple[str, str]]) -> None:
    for pair, done in zip(pairs, run_dry(checkout, pairs), strict=True):
        data, model = sorted(pair)
        check(done, MODELS[model.partition("/")[2]])
        assert ("Write the demo's" in done.output) == (data == "data/demo"), data


def check_studies(checkout: Project, studies: list[str]) -> None:
    pairs = [(f"data/{STUDIES[study][0]}", f"study/{study}") for study in studies]
    for study, done in zip(studies, run_dry(checkout, pairs), strict=True):
        check(done, STUDIES[study][1])
        assert f"results/{study}/logs/train" in done.output


def test_every_data_set_and_every_model_is_planned(checkout: Project):
    """That all pairs are the same configuration in either order is a test of its own, without Snakemake."""
    check_pairs(checkout, EACH_ONCE)


@pytest.mark.slow
@pytest.mark.parametrize("model_first", [False, True])
def test_all_data_sets_are_planned_with_all_models(checkout: Project, model_first: bool):
    check_pairs(checkout, [pair[::-1] for pair in PAIRS] if model_first else PAIRS)


@pytest.mark.slow
def test_studies_are_planned_with_their_data(checkout: Project):
    check_studies(checkout, [study for study in STUDIES if study not in LARGE])


@pytest.mark.slow
def test_large_studies_are_planned_with_their_data(checkout: Project):
    check_studies(checkout, list(LARGE))


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["phase1", "phase2", "phase3"])
def test_a_phase_ends_in_a_report_with_a_small_model_in_place_of_its_own(checkout: Project, phase: str):
    presets = [checkout.folder / "workflow" / "presets" / f"{name}.yaml" for name in ("data/demo", f"study/{phase}")]
    small = {
        "source": {"demo": {"families": 6, "members": 10}},
        "defaults": {
            "backbone": {"kind": "tiny", "hub": {"id": None, "revision": None}, "pretrain": {"when": "never"}},
            "train": {"gpus": 0, "precision": "auto"},
        },
    }
    config = reduce(merged, [*map(read_yaml, presets), small])
    (checkout.folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = checkout.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    report = json.loads((checkout.folder / config["results"] / "report" / "summary.json").read_text())
    assert STUDIES[phase][1] <= set(report["runs"])
