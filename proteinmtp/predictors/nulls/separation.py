"""The |i-j| null: distances from sequence separation and chain length alone.

The distance of residues at separation s in a chain of length L is the mean over the training chains at that separation,
each weighted by how close its length is to L (a Gaussian in log length). What a model scores above this is what it
learned from the sequence.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.predictors.null import NullBase, TrainingTables
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.tables.distances import DISTANCES, DistanceRow
from proteinmtp.tables.parquet import DOUBLES, INT, INTS, TEXT, Table
from proteinmtp.tables.split import read_subset

BANDWIDTH = 0.15
"""Standard deviation of the Gaussian in log length: chains 15 % longer or shorter count 0.6 times."""

FLOOR = 1e-6
"""Least weight, so that a length far from all training chains still has neighbours."""


@dataclass(frozen=True, kw_only=True)
class MeanRow:
    """One training chain of L residues."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    mean: Annotated[Sequence[float] | np.ndarray, DOUBLES, "(L-1,) mean distance at separations 1..L-1, angstrom"]
    pairs: Annotated[Sequence[int] | np.ndarray, INTS, "(L-1,) observed pairs behind each mean"]


MEANS = Table("separation null", MeanRow, MeanRow.__annotations__)


class Null(NullBase):
    """The mean distance at each separation."""

    DESCRIPTION = "no sequence: mean distance at each |i-j| for chains of like length"

    def fit(self, tables: TrainingTables, output: Path) -> None:
        """Write for each training chain the mean distance and the number of observed pairs at each separation."""
        MEANS.write(output, training_means(tables))

    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[np.ndarray]:
        """Yield the expected distances (L, L) of each target, angstrom."""
        expected = Expected.of(MEANS.read(fitted))
        for target in targets:
            yield expected.distances(len(target))


@dataclass(frozen=True, kw_only=True)
class Expected:
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
    def of(cls, chains: Iterable[MeanRow]) -> "Expected":
        """Return the means of chains side by side."""
        rows = list(chains)
        width = max((row.length for row in rows), default=1) - 1
        mean, pairs = np.zeros((len(rows), width)), np.zeros((len(rows), width))
        for index, row in enumerate(rows):
            mean[index, : len(row.mean)] = row.mean
            pairs[index, : len(row.pairs)] = row.pairs
        return cls(lengths=np.array([row.length for row in rows], dtype=np.float64), mean=mean, pairs=pairs)

    def profile(self, length: int) -> np.ndarray:
        """Return the expected distance at separations 1..length-1, angstrom.

        Beyond the longest separation of the training chains the last value is repeated; without any training chain
        every distance is that of neighbours.
        """
        closeness = np.exp(-0.5 * (np.log(np.maximum(self.lengths, 1) / length) / BANDWIDTH) ** 2) + FLOOR
        weights = closeness[:, None] * self.pairs
        total = weights.sum(0)
        known = np.flatnonzero(total > 0)
        if not len(known):
            return np.full(length - 1, TRANS_BOND)
        expected = (weights * self.mean).sum(0)[known] / total[known]
        profile: np.ndarray = np.interp(np.arange(length - 1), known, expected)
        return profile

    def distances(self, length: int) -> np.ndarray:
        """Return the expected distances (length, length), angstrom."""
        return by_separation(self.profile(length))


def by_separation(profile: np.ndarray) -> np.ndarray:
    """Return the matrix (L, L) of distances that are `profile` (L-1,) at separations 1..L-1, angstrom."""
    index = np.arange(len(profile) + 1)
    matrix: np.ndarray = np.concatenate([[0.0], profile])[np.abs(index[:, None] - index)]
    return matrix


def training_means(tables: TrainingTables) -> Iterator[MeanRow]:
    """Yield the means of each training chain, in the order of the shards."""
    training = read_subset(tables.split, "train")
    return (_means(row) for row in DISTANCES.read(*tables.distances) if row.chain_id in training)


def _means(row: DistanceRow) -> MeanRow:
    matrix = triangle.unpack(row.triu, row.length)
    bands = [np.diagonal(matrix, separation) for separation in range(1, row.length)]
    known = [band[np.isfinite(band)] for band in bands]
    return MeanRow(
        chain_id=row.chain_id,
        length=row.length,
        mean=[float(band.mean()) if len(band) else 0.0 for band in known],
        pairs=[len(band) for band in known],
    )
