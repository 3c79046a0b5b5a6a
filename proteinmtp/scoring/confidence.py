"""How far a run's own confidence can be trusted: it says what lDDT to expect, and the experiment says what came.

Two questions. Does confidence put things into the right order, among chains and among the residues of a chain
(Spearman's rank correlation)? And is it right in size (mean absolute error and bias, in points of a hundred, and a
table of bins: of the residues that were promised so much, what came)?
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

BINS = 10
POINTS = 100.0
"""Confidence and the lDDT it is compared with run from 0 to this."""

AGAINST = {"lddt": "rebuilt trace", "lddt_distances": "predicted distances"}
"""The lDDT that confidence is compared with, and what it is of; the first counts, the second it was trained to say."""


@dataclass(frozen=True)
class Bin:
    """The residues whose confidence is from `low` up to `high`; means are None where there are none."""

    low: float
    high: float
    predicted: float | None
    found: float | None
    n: int


@dataclass(frozen=True)
class Trust:
    """Confidence against one lDDT.

    Attributes:
        chains_correlation: Spearman over chains, of mean confidence and the lDDT of the chain.
        residues_correlation: Spearman over the residues of a chain, mean over chains; whether it points to the right
            places, which a correlation over the residues of all chains would mix with which chain is easy.
        error, bias: mean absolute and mean signed difference, predicted less found, over residues, in points.
        bins: of confidence, lowest first.
        chains, residues: how many count.
    """

    chains_correlation: float | None
    residues_correlation: float | None
    error: float
    bias: float
    bins: Sequence[Bin]
    chains: int
    residues: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def trust(rows: Sequence[Mapping[str, Any]], against: str) -> Trust | None:
    """Compare confidence with what was found.

    Parameters:
        rows: of the table of scores, all of one run.
        against: `lddt` or `lddt_distances`; the column of that name and the one of its residues are read.

    Returns:
        None if no chain has both.
    """
    pairs = []
    for row in rows:
        if row["confidence"] is None or row[against] is None:
            continue
        predicted, found = np.asarray(row["confidence"], float), POINTS * np.asarray(row[f"{against}_residues"], float)
        known = np.isfinite(predicted) & np.isfinite(found)
        if known.any():
            pairs.append((predicted[known], found[known], POINTS * row[against]))
    if not pairs:
        return None
    within = [_spearman(predicted, found) for predicted, found, _ in pairs]
    told = [value for value in within if value is not None]
    predicted, found = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    return Trust(
        chains_correlation=_spearman([predicted.mean() for predicted, _, _ in pairs], [chain for *_, chain in pairs]),
        residues_correlation=float(np.mean(told)) if told else None,
        error=float(np.abs(predicted - found).mean()),
        bias=float((predicted - found).mean()),
        bins=_bins(predicted, found),
        chains=len(pairs),
        residues=len(predicted),
    )


def _bins(predicted: np.ndarray, found: np.ndarray) -> list[Bin]:
    width = POINTS / BINS
    at = np.clip(predicted // width, 0, BINS - 1).astype(int)
    bins = []
    for index in range(BINS):
        inside = at == index
        said, came = (float(values[inside].mean()) if inside.any() else None for values in (predicted, found))
        bins.append(Bin(index * width, (index + 1) * width, said, came, int(inside.sum())))
    return bins


def _spearman(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float | None:
    """Return the rank correlation; None where one of them is all equal, or there are fewer than three."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(one, other).statistic)
