"""The |i-j| null: distances and turns from sequence separation and chain length alone.

The distance of residues at separation s in a chain of length L is the mean over the training chains at that separation,
each weighted by how close its length is to L (a Gaussian in log length); how likely each distance is, and each turn, is
how often it occurs in them, weighted alike. What a model scores above this is what it learned from the sequence.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from proteinmtp.geometry import bins
from proteinmtp.geometry.chirality import BINS as TURNS
from proteinmtp.geometry.chirality import dihedral_bins
from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.predictors.null import Guess, NullBase, TrainingTables
from proteinmtp.tables.chains import ChainSequence, each_chain
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.parquet import DOUBLES, INT, INTS, Table
from proteinmtp.tables.split import read_subset

BANDWIDTH = 0.15
"""Standard deviation of the Gaussian in log length: chains 15 % longer or shorter count 0.6 times."""

FLOOR = 1e-6
"""Least weight, so that a length far from all training chains still has neighbours."""


@dataclass(frozen=True, kw_only=True)
class LengthRow:
    """The training chains of L residues."""

    length: Annotated[int, INT, "L, residues"]
    mean: Annotated[np.ndarray, DOUBLES, "(L-1,) mean distance at separations 1..L-1, angstrom"]
    pairs: Annotated[np.ndarray, INTS, "(L-1,) observed pairs behind each mean"]
    bins: Annotated[np.ndarray, INTS, "((L-1) x bins,) pairs in each bin of distance, separation by separation"]
    turns: Annotated[np.ndarray, INTS, "(bins,) pseudo-dihedrals in each bin"]


LENGTHS = Table("separation null", LengthRow, LengthRow.__annotations__)


class Null(NullBase):
    """What is usual at each separation."""

    DESCRIPTION = "no sequence: mean distance at each |i-j| for chains of like length"

    def fit(self, tables: TrainingTables, output: Path) -> None:
        """Write for each length of training chains what occurs at each separation."""
        LENGTHS.write(output, training_lengths(tables))

    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[Guess]:
        """Yield what is expected of each target."""
        expected = Expected.of(LENGTHS.read(fitted))
        for target in targets:
            yield expected.guess(len(target))


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What occurs in training chains of N lengths, the longest M.

    Attributes:
        lengths: (N,) residues.
        mean: (N, M-1) angstrom, at separations 1..M-1.
        pairs: (N, M-1) observed pairs behind each mean.
        bins: (N, M-1, BINS) of these in each bin of distance.
        turns: (N, TURNS) pseudo-dihedrals in each bin.
    """

    lengths: np.ndarray
    mean: np.ndarray
    pairs: np.ndarray
    bins: np.ndarray
    turns: np.ndarray

    @classmethod
    def of(cls, chains: Iterable[LengthRow]) -> "Expected":
        """Return what occurs in chains of each length, side by side."""
        rows = list(chains)
        width = max((row.length for row in rows), default=1) - 1
        mean, pairs = np.zeros((len(rows), width)), np.zeros((len(rows), width))
        counts = np.zeros((len(rows), width, bins.BINS), np.float32)
        for index, row in enumerate(rows):
            mean[index, : len(row.mean)] = row.mean
            pairs[index, : len(row.pairs)] = row.pairs
            counts[index, : len(row.pairs)] = row.bins.reshape(-1, bins.BINS)
        return cls(
            lengths=np.array([row.length for row in rows], dtype=np.float64),
            mean=mean,
            pairs=pairs,
            bins=counts,
            turns=np.array([row.turns for row in rows], dtype=np.float64).reshape(-1, TURNS),
        )

    def profile(self, length: int) -> np.ndarray:
        """Return the expected distance at separations 1..length-1, angstrom.

        Beyond the longest separation of the training chains the last value is repeated; without any training chain
        every distance is that of neighbours.
        """
        weights = self._closeness(length)[:, None] * self.pairs
        total = weights.sum(0)
        known = np.flatnonzero(total > 0)
        if not len(known):
            return np.full(length - 1, TRANS_BOND)
        expected = (weights * self.mean).sum(0)[known] / total[known]
        profile: np.ndarray = np.interp(np.arange(length - 1), known, expected)
        return profile

    def likely(self, length: int) -> np.ndarray:
        """Return ln p of each bin of distance at separations 1..length-1: (length-1, BINS) float32.

        Where nothing is known, the last separation is repeated; without any training chain all bins are alike.
        """
        counts = np.tensordot(self._closeness(length), self.bins, 1)
        known = counts.sum(-1) > 0
        place = np.arange(length - 1)
        if known.any():
            last = np.maximum.accumulate(np.where(known, np.arange(len(known)), np.flatnonzero(known)[0]))
            return _ln_share(counts[last[np.minimum(place, len(last) - 1)]])
        return _ln_share(np.ones((length - 1, bins.BINS)))

    def turn(self, length: int) -> np.ndarray:
        """Return ln p of each bin of a pseudo-dihedral, (TURNS,) float32."""
        counts = self._closeness(length) @ self.turns
        return _ln_share(counts if counts.any() else np.ones(TURNS))

    def distances(self, length: int) -> np.ndarray:
        """Return the expected distances (length, length), angstrom."""
        return by_separation(self.profile(length))

    def guess(self, length: int) -> Guess:
        """Return what is expected of a chain."""
        first, second = np.triu_indices(length, 1)
        return Guess(
            distances=self.distances(length),
            likely=self.likely(length)[second - first - 1],
            turns=np.tile(self.turn(length), (max(length - 3, 0), 1)),
        )

    def _closeness(self, length: int) -> np.ndarray:
        closeness: np.ndarray = np.exp(-0.5 * (np.log(np.maximum(self.lengths, 1) / length) / BANDWIDTH) ** 2) + FLOOR
        return closeness


def by_separation(profile: np.ndarray) -> np.ndarray:
    """Return the matrix (L, L) of distances that are `profile` (L-1,) at separations 1..L-1, angstrom."""
    index = np.arange(len(profile) + 1)
    matrix: np.ndarray = np.concatenate([[0.0], profile])[np.abs(index[:, None] - index)]
    return matrix


def training_lengths(tables: TrainingTables) -> Iterator[LengthRow]:
    """Yield what occurs in the training chains of each length, shortest first."""
    training = read_subset(tables.split, "train")
    turns: dict[int, np.ndarray] = {}
    for chain in each_chain(tables.chains, training):
        of_chain = dihedral_bins(torch.from_numpy(chain.coords.astype(np.float64))).numpy()
        turns[len(chain)] = turns.get(len(chain), 0) + np.bincount(of_chain[of_chain >= 0], minlength=TURNS)
    totals = {length: np.zeros((length - 1, bins.BINS + 1)) for length in turns}
    for row in DISTANCES.read(*tables.distances):
        if row.chain_id in training:
            totals[row.length] += _at_each_separation(row.length, np.asarray(row.triu, np.float64))
    for length in sorted(totals):
        counts, total = totals[length][:, :-1], totals[length][:, -1]
        pairs = counts.sum(1)
        yield LengthRow(
            length=length,
            mean=np.divide(total, pairs, out=np.zeros(length - 1), where=pairs > 0),
            pairs=pairs.astype(np.int32),
            bins=counts.ravel().astype(np.int32),
            turns=turns[length].astype(np.int32),
        )


def _at_each_separation(length: int, triu: np.ndarray) -> np.ndarray:
    """Return (L-1, BINS + 1): pairs in each bin of distance at each separation, and the sum of their distances."""
    first, second = np.triu_indices(length, 1)
    known = np.isfinite(triu)
    row, apart = (second - first - 1)[known], triu[known]
    place = row * bins.BINS + bins.bin_of(torch.from_numpy(apart)).numpy()
    counts = np.bincount(place, minlength=(length - 1) * bins.BINS).reshape(length - 1, bins.BINS)
    total = np.bincount(row, weights=apart, minlength=length - 1)
    return np.concatenate([counts, total[:, None]], 1)


def _ln_share(counts: np.ndarray) -> np.ndarray:
    """Return ln of the shares of counts (..., K); what does not occur is very unlikely."""
    shares = counts / counts.sum(-1, keepdims=True)
    ln_share: np.ndarray = np.log(np.maximum(shares, bins.LEAST)).astype(np.float32)
    return ln_share
