"""Presets as people combine them: a data set, a model, a study."""

import re
from pathlib import Path

import pytest

from ..support.dry_runs import DryRun, dry_runs
from ..support.presets import DATA, MODELS, STUDIES, data_sets_at_hand
from ..support.project import Project, copy_project


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout in which the data lie where the presets look for them."""
    project = copy_project(root, tmp_path_factory.mktemp("presets") / "checkout")
    data_sets_at_hand(project.folder)
    return project


def run_dry(checkout: Project, *pairs: tuple[str, str]) -> list[DryRun]:
    configs = [[f"workflow/presets/{name}.yaml" for name in pair] for pair in pairs]
    return dry_runs(checkout.folder, configs, checkout.environment())


def check(done: DryRun, runs: set[str]) -> None:
    assert done["code"] == 0, done["output"][-3000:]
    assert "Job stats:" in done["output"]
    assert runs <= set(re.findall(r"Train (\w+);", done["output"])), done["output"][-3000:]


def planned(checkout: Project, *, model_first: bool) -> None:
    pairs = [(f"data/{data}", f"model/{model}") for data in DATA for model in MODELS]
    for (data, model), done in zip(
        pairs, run_dry(checkout, *([pair[::-1] for pair in pairs] if model_first else pairs)), strict=True
    ):
        check(done, MODELS[model.partition("/")[2]])
        assert ("Write the demo's" in done["output"]) == (data == "data/demo"), data


def test_every_data_set_is_planned_with_every_model(checkout: Project):
    planned(checkout, model_first=False)


@pytest.mark.slow
def test_every_model_is_planned_with_every_data_set(checkout: Project):
    """The same pairs, the model named first; in make test only the configurations are compared."""
    planned(checkout, model_first=True)


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_is_planned_with_its_data(checkout: Project, study: str):
    data, runs = STUDIES[study]
    (done,) = run_dry(checkout, (f"data/{data}", f"study/{study}"))
    check(done, runs)
    assert f"results/{study}/logs/train" in done["output"]
