"""A package of parts of one's own, as a lab may have it: a head, a loss, a null and a source, a file each."""

from collections.abc import Mapping
from pathlib import Path

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

from proteinmtp.predictors.null import Guess, NullBase

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
            yield Guess(distances=rise * np.abs(index[:, None] - index))
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


PARTS = {"power": HEAD, "cube": LOSS, "line": NULL, "listed": SOURCE}


def write_lab(folder: Path, parts: Mapping[str, str] = PARTS) -> None:
    """Write the package `my_lab` into a folder: texts of modules by name."""
    (folder / "my_lab").mkdir()
    modules = {"__init__": "", "numbers": "SPREAD = 3.8\nRISE = 3.4\nYEAR = 1999\n", **parts}
    for name, text in modules.items():
        (folder / "my_lab" / f"{name}.py").write_text(text)
