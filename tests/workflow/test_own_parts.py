"""A head, a loss, a source and a null from outside the library: a file each, and their names in the config."""

import json
from pathlib import Path

import pytest

from proteinmtp.base import plugins
from proteinmtp.base.errors import ConfigError, PartError
from proteinmtp.model.head import HeadBase
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.manifest import MANIFEST

from ..support.project import copy_project

HEAD = '''
import torch
from torch import nn

from proteinmtp.model.head import PairHead
from proteinmtp.model.prediction import PairPrediction

from .numbers import SPREAD


class Head(PairHead):
    """Distances that grow with a learned power of |i-j|."""

    GIVES = ("distances",)
    LOSS = {"my_lab.cube": 1.0}

    def __init__(self, hidden_size, *, width, steepness=1.0):
        super().__init__()
        self.power = nn.Linear(hidden_size, 1)
        self.steepness = steepness

    def fit(self, coords):
        pass

    def forward(self, states, mask):
        index = torch.arange(states.shape[1], device=states.device)
        power = self.steepness * self.power(states.float()).mean((1, 2)).sigmoid()
        apart = (index[:, None] - index).abs().float()
        distances = SPREAD * apart[None].clamp(min=1e-3) ** power[:, None, None] * (apart > 0)
        return PairPrediction(distances=distances)
'''

LOSS = '''
from proteinmtp.model.batch import masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import differences


class Loss(PairLoss):
    """The mean cube of the error in units of 10 A."""

    NEEDS = ("distances",)

    def __call__(self, prediction, batch):
        return masked_mean((differences(prediction, batch) / 10).abs() ** 3, batch.observed_pairs)
'''

NULL = '''
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proteinmtp.predictors.null import NullBase

from .numbers import RISE


class Null(NullBase):
    """Every chain is one straight line."""

    DESCRIPTION = "one straight line"

    def fit(self, tables, output):
        pq.write_table(pa.table({"rise": [RISE]}), output)

    def predict(self, fitted, targets):
        (rise,) = pq.read_table(fitted)["rise"].to_pylist()
        for target in targets:
            index = np.arange(len(target))
            yield rise * np.abs(index[:, None] - index)
'''

SOURCE = '''
from pathlib import Path

from proteinmtp.structures.source import SourceBase, SourceFile

from .numbers import YEAR


class Source(SourceBase):
    """The files of a folder that a list names."""

    def __init__(self, *, results, folder):
        self.folder = Path(folder)

    def list_files(self):
        names = (self.folder / "list.txt").read_text().split()
        return [SourceFile(name, self.folder / f"{name}.cif", year=YEAR) for name in names]
'''


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "my_lab"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "numbers.py").write_text("SPREAD = 3.8\nRISE = 3.4\nYEAR = 1999\n")
    for name, text in {"power": HEAD, "cube": LOSS, "line": NULL, "listed": SOURCE}.items():
        (folder / f"{name}.py").write_text(text)
    return tmp_path


def test_a_head_a_loss_and_a_null_of_ones_own_run_through_the_workflow_without_an_edit_of_it(root: Path, lab: Path):
    project = copy_project(root, lab / "project")
    (lab / "my_lab").rename(project.folder / "my_lab")
    project.configure(
        {
            "runs": [{"name": "mine", "head": {"kind": "my_lab.power", "options": {"steepness": 0.9}}}],
            "nulls": ["helix", "my_lab.line"],
        }
    )
    done = project.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    results = project.folder / "results"
    assert list(HISTORY.read(results / "runs" / "mine" / "history.parquet"))[-1].train_loss > 0
    assert set(json.loads((results / "report" / "summary.json").read_text())["runs"]) == {
        "mine", "null_helix", "null_line",
    }  # fmt: skip
    assert "one straight line" in (results / "report" / "index.html").read_text(encoding="utf-8")
    assert not project.planned()
    project.edit("my_lab/numbers.py", "3.8", "3.7")
    assert {"train", "fit_null"} <= project.planned(), "a module that a part imports relatively counts for it"
    project.edit("my_lab/numbers.py", "3.7", "3.8")
    project.edit("my_lab/line.py", "rise * np", "1.01 * rise * np")
    assert project.planned() == {"fit_null", "predict_null", "reconstruct", "evaluate", "report"}


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"my_lab.bad has no class `Head`"),
        ("class Head:\n    GIVES = ()\n", r"my_lab.bad has no `Head.LOSS`; see proteinmtp.model.head.HeadBase"),
        ("class Head:\n    GIVES = ()\n    LOSS = {}\n", r"my_lab.bad has no `Head.fit`"),
        (
            "class Head:\n    GIVES = ()\n    LOSS = {}\n    def fit(self, coords): pass\n",
            r"my_lab.bad: `Head` does not inherit from its contract",
        ),
    ],
)
def test_what_a_part_lacks_is_named_when_it_is_loaded(lab: Path, monkeypatch: pytest.MonkeyPatch, text, message):
    (lab / "my_lab" / "bad.py").write_text(text)
    monkeypatch.chdir(lab)
    monkeypatch.syspath_prepend(str(lab))
    for name in ("my_lab", "my_lab.bad"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    with pytest.raises(PartError, match=message):
        plugins.load("proteinmtp.model.heads", "my_lab.bad", "Head", HeadBase)


def test_a_config_says_which_part_is_missing_or_says_too_little(lab: Path, monkeypatch: pytest.MonkeyPatch):
    (lab / "my_lab" / "silent.py").write_text("class Head:\n    pass\n")
    monkeypatch.chdir(lab)
    monkeypatch.syspath_prepend(str(lab))
    for kind, message in (
        ("my_lab.absent", "there is no module my_lab.absent"),
        ("my_lab.silent", "my_lab.silent must say Head.GIVES = ... as a literal"),
        ("toy", "a module of yours with a dot"),
        ("distanc", "did you mean 'distance'?"),
    ):
        with pytest.raises(ConfigError, match=r"defaults\.head\.kind: .*found") as error:
            parse_config({"defaults": {"head": {"kind": kind}}})
        assert message in str(error.value)
    assert parse_config({"defaults": {"head": {"kind": "my_lab.power"}}}).run("distogram")
    for key, change in (("nulls", {"nulls": ["toy"]}), ("source.kind", {"source": {"kind": "toy"}})):
        with pytest.raises(ConfigError, match=rf"{key}: allowed: .*; found 'toy'"):
            parse_config(change)
