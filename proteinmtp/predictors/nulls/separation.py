"""The |i-j| null: distances from sequence separation and chain length alone.

The distance of residues at separation s in a chain of length L is the mean over the training chains at that separation,
each weighted by how close its length is to L (a Gaussian in log length). What a model scores above this is what it
learned from the sequence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from proteinmtp.tables.reader import read_subset
from proteinmtp.tables.parquet import read_all, read_rows, write_rows
from proteinmtp.geometry.distances import unpack_upper
from proteinmtp.predictors.nulls import Tables, Target

DESCRIPTION = "no sequence: mean distance at each |i-j| for chains of like length"

BANDWIDTH = 0.15
"""Standard deviation of the Gaussian in log length: chains 15 % longer or shorter count 0.6 times."""

FLOOR = 1e-6
"""Least weight, so that a length far from all training chains still has neighbours."""

SCHEMA = pa.schema(
    [
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("mean", pa.list_(pa.float64())),
        ("pairs", pa.list_(pa.int32())),
    ]
)


def fit(tables: Tables, output: Path) -> None:
    """Write for each training chain the mean distance and the number of observed pairs at each separation 1..L-1."""
    training = read_subset(tables.split, "train")
    write_rows(
        output,
        SCHEMA,
        (
            _profile(row["chain_id"], unpack_upper(row["triu"].astype(np.float64), row["length"]))
            for row in read_all(tables.distances)
            if row["chain_id"] in training
        ),
    )


def predict(fitted: Path, targets: Sequence[Target]) -> Iterator[np.ndarray]:
    """Yield the expected distances (L, L) of each target, angstrom."""
    null = SeparationNull.read(fitted)
    for target in targets:
        yield null.distances(len(target))


@dataclass(frozen=True)
class SeparationNull:
    """Means and counts by separation of N training chains, the longest of length M.

    Attributes:
        lengths: (N,) residues.
        mean: (N, M-1) angstrom, at separations 1..M-1.
        pairs: (N, M-1) observed pairs behind each mean.
    """

    lengths: np.ndarray
    mean: np.ndarray
    pairs: np.ndarray

    @classmethod
    def read(cls, path: Path) -> "SeparationNull":
        """Read what `fit` wrote."""
        rows = list(read_rows(path))
        width = max((row["length"] for row in rows), default=1) - 1
        mean, pairs = np.zeros((len(rows), width)), np.zeros((len(rows), width))
        for index, row in enumerate(rows):
            mean[index, : len(row["mean"])] = row["mean"]
            pairs[index, : len(row["pairs"])] = row["pairs"]
        return cls(np.array([row["length"] for row in rows], dtype=np.float64), mean, pairs)

    def profile(self, length: int) -> np.ndarray:
        """Return the expected distance at separations 1..length-1, angstrom.

        Beyond the longest separation of the training chains the last value is repeated; without any training chain
        every distance is that of neighbours, 3.8 angstrom.
        """
        closeness = np.exp(-0.5 * (np.log(np.maximum(self.lengths, 1) / length) / BANDWIDTH) ** 2) + FLOOR
        weights = closeness[:, None] * self.pairs
        total = weights.sum(0)
        known = np.flatnonzero(total > 0)
        if not len(known):
            return np.full(length - 1, 3.8)
        expected = (weights * self.mean).sum(0)[known] / total[known]
        return np.interp(np.arange(length - 1), known, expected)

    def distances(self, length: int) -> np.ndarray:
        """Return the predicted matrix (length, length), angstrom."""
        index = np.arange(length)
        return np.concatenate([[0.0], self.profile(length)])[np.abs(index[:, None] - index)]


def _profile(chain_id: str, matrix: np.ndarray) -> dict[str, Any]:
    bands = [np.diagonal(matrix, separation) for separation in range(1, len(matrix))]
    seen = [band[np.isfinite(band)] for band in bands]
    return {
        "chain_id": chain_id,
        "length": len(matrix),
        "mean": [float(band.mean()) if len(band) else 0.0 for band in seen],
        "pairs": [len(band) for band in seen],
    }
