"""A head and a loss from outside the package: two files in a folder, and their names in the config."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from proteinmtp.config.whole import ConfigError, parse_config
from proteinmtp.tables.parquet import read_rows

from ..support.project import copy_project

HEAD = '''
import torch
from torch import nn

from my_lab.numbers import SPREAD
from proteinmtp.model.prediction import Prediction

GIVES = ("distances",)
LOSS = {"my_lab.cube": 1.0}


class Head(nn.Module):
    """Distances that grow with a learned power of |i-j|."""

    def __init__(self, hidden_size, config):
        super().__init__()
        self.power = nn.Linear(hidden_size, 1)

    def fit(self, coords):
        pass

    def forward(self, states, mask):
        index = torch.arange(states.shape[1], device=states.device)
        power = self.power(states.float()).mean((1, 2)).sigmoid()
        apart = (index[:, None] - index).abs().float()
        return Prediction(SPREAD * apart[None].clamp(min=1e-3) ** power[:, None, None] * (apart > 0))
'''

LOSS = '''
from proteinmtp.model.batch import masked_mean
from proteinmtp.model.pairs import differences

NEEDS = ("distances",)


def loss(prediction, batch, config):
    """Return the mean cube of the error in units of 10 A, (B,)."""
    return masked_mean((differences(prediction, batch) / 10).abs() ** 3, batch.observed_pairs)
'''


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "my_lab"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "numbers.py").write_text("SPREAD = 3.8\n")
    (folder / "power.py").write_text(HEAD)
    (folder / "cube.py").write_text(LOSS)
    return tmp_path


def test_a_head_and_a_loss_of_ones_own_run_through_the_workflow_without_an_edit_of_the_package(root: Path, lab: Path):
    project = copy_project(root, lab / "project")
    (lab / "my_lab").rename(project.folder / "my_lab")
    project.configure({"runs": [{"name": "mine", "head": {"kind": "my_lab.power"}}]})
    done = project.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    rows = list(read_rows(project.folder / "results" / "runs" / "mine" / "history.parquet"))
    assert rows[-1]["train_loss"] > 0
    assert not project.planned()
    project.edit("my_lab/numbers.py", "3.8", "3.7")
    assert "train" in project.planned(), "a change in a module that the head imports trains it anew"


def test_a_module_that_is_not_there_or_says_nothing_is_named(lab: Path):
    code = (
        "import sys; from proteinmtp.config.whole import parse_config, ConfigError\n"
        "import yaml\n"
        "try: parse_config(yaml.safe_load(sys.argv[1]))\n"
        "except ConfigError as error: print(error)\n"
    )
    (lab / "my_lab" / "empty.py").write_text("")

    def said(kind: str) -> str:
        text = yaml.safe_dump({"defaults": {"head": {"kind": kind}}})
        done = subprocess.run([sys.executable, "-c", code, text], cwd=lab, capture_output=True, text=True, check=True)
        return done.stdout

    assert "there is no module my_lab.absent" in said("my_lab.absent")
    assert "my_lab.empty must say GIVES = ... as a literal" in said("my_lab.empty")
    assert "must say" not in said("my_lab.power")
    with pytest.raises(ConfigError, match="a module of yours with a dot"):
        parse_config({"defaults": {"head": {"kind": "toy"}}})
