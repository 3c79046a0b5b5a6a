"""A head, a loss, a source and a null from outside the library: a file each, and their names in the config."""

import json
from pathlib import Path

import pytest

from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.manifest import MANIFEST

from ..support.lab import write_lab
from ..support.project import copy_project


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_lab(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_head_a_loss_and_a_null_of_ones_own_run_through_the_workflow_without_an_edit_of_it(root: Path, lab: Path):
    project = copy_project(root, lab / "project")
    (lab / "my_lab").rename(project.folder / "my_lab")
    project.configure(
        {
            "runs": [{"name": "mine", "head": {"kind": "my_lab.power", "options": {"steepness": 0.9}}}],
            "nulls": ["my_lab.line"],
        }
    )
    done = project.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    results = project.folder / "results"
    assert list(HISTORY.read(results / "runs" / "mine" / "history.parquet"))[-1].train_loss > 0
    assert set(json.loads((results / "report" / "summary.json").read_text())["runs"]) == {
        "mine", "null_line",
    }  # fmt: skip
    assert "one straight line" in (results / "report" / "index.html").read_text(encoding="utf-8")
    assert not project.planned()
    project.edit("my_lab/numbers.py", "3.8", "3.7")
    assert {"train", "fit_null"} <= project.planned(), "a module that a part imports relatively counts for it"
    project.edit("my_lab/numbers.py", "3.7", "3.8")
    project.edit("my_lab/line.py", "rise * np", "1.01 * rise * np")
    assert project.planned() == {
        "fit_null", "predict_null", "reconstruct", "evaluate", "view", "report", "provenance",
    }  # fmt: skip


@pytest.mark.slow
def test_a_source_of_ones_own_lists_its_files(root: Path, lab: Path):
    project = copy_project(root, lab / "project")
    (lab / "my_lab").rename(project.folder / "my_lab")
    project.configure()
    done = project.snakemake("results/data/demo/files.json")
    assert done.returncode == 0, done.stdout[-3000:]
    demo = project.folder / "results" / "data" / "demo" / "structures"
    (demo / "list.txt").write_text("f00m001 f00m003 f01m001")
    project.configure({"source": {"kind": "my_lab.listed", "options": {"folder": str(demo)}}})
    target = "results/data/split.json"
    done = project.snakemake(target)
    assert done.returncode == 0, done.stdout[-3000:]
    rows = list(MANIFEST.read(project.folder / "results/data/manifest/000.parquet"))
    assert [(row.entry_id, row.year, row.source) for row in rows] == [
        (name, 1999, "my_lab.listed") for name in ("f00m001", "f00m003", "f01m001")
    ]
    assert not project.planned(target)
    project.edit("my_lab/numbers.py", "1999", "2001")
    assert "manifest" in project.planned(target)
