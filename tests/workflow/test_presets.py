"""Presets as people combine them: a data set, a model, a study."""

import re
from itertools import cycle, product
from pathlib import Path

import pytest

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
    assert done["code"] == 0, done["output"][-3000:]
    assert "Job stats:" in done["output"]
    assert runs <= set(re.findall(r"Train (\w+);", done["output"])), done["output"][-3000:]


def check_pairs(checkout: Project, pairs: list[tuple[str, str]]) -> None:
    for pair, done in zip(pairs, run_dry(checkout, pairs), strict=True):
        data, model = sorted(pair)
        check(done, MODELS[model.partition("/")[2]])
        assert ("Write the demo's" in done["output"]) == (data == "data/demo"), data


def check_studies(checkout: Project, studies: list[str]) -> None:
    pairs = [(f"data/{STUDIES[study][0]}", f"study/{study}") for study in studies]
    for study, done in zip(studies, run_dry(checkout, pairs), strict=True):
        check(done, STUDIES[study][1])
        assert f"results/{study}/logs/train" in done["output"]


def test_every_data_set_and_every_model_is_planned(checkout: Project):
    """That all pairs are the same configuration in either order is a test of its own, without Snakemake."""
    check_pairs(checkout, EACH_ONCE)


@pytest.mark.slow
@pytest.mark.parametrize("model_first", [False, True])
def test_all_data_sets_are_planned_with_all_models(checkout: Project, model_first: bool):
    check_pairs(checkout, [pair[::-1] for pair in PAIRS] if model_first else PAIRS)


def test_studies_are_planned_with_their_data(checkout: Project):
    check_studies(checkout, [study for study in STUDIES if study not in LARGE])


@pytest.mark.slow
def test_large_studies_are_planned_with_their_data(checkout: Project):
    check_studies(checkout, list(LARGE))
