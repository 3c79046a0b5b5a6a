"""How far a run's own confidence can be trusted: it says what lDDT to expect, and the experiment says what it is.

Two questions. Does confidence put things into the right order, among chains and among the residues of a chain
(Spearman's rank correlation)? And is it right in size (mean absolute error and bias, in points of a hundred, and a
table of bins: the observed lDDT of the residues of which so much was predicted)?
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from proteinmtp.tables.metrics import MetricsRow

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
    observed: float | None
    n: int


@dataclass(frozen=True)
class Trust:
    """Confidence against one lDDT.

    Attributes:
        chains_correlation: Spearman over chains, of mean confidence and the lDDT of the chain.
        residues_correlation: Spearman over the residues of a chain, mean over chains; whether it points to the right
            places, which a correlation over the residues of all chains would mix with which chain is easy.
        error, bias: mean absolute and mean signed difference, predicted less observed, over residues, in points.
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


def trust(rows: Sequence[MetricsRow], against: str) -> Trust | None:
    """Compare confidence with the lDDT that was observed.

    Parameters:
        rows: all of one run.
        against: one of `AGAINST`; the score of that name and the profile of its residues are read.

    Returns:
        None if no chain has both.
    """
    pairs = []
    for row in rows:
        of_chain, of_residues = row.scores[against], row.profiles[f"{against}_residues"]
        if row.confidence is None or of_chain is None or of_residues is None:
            continue
        predicted, observed = np.asarray(row.confidence, float), POINTS * np.asarray(of_residues, float)
        known = np.isfinite(predicted) & np.isfinite(observed)
        if known.any():
            pairs.append((predicted[known], observed[known], POINTS * of_chain))
    if not pairs:
        return None
    within = [_spearman(predicted, observed) for predicted, observed, _ in pairs]
    defined = [value for value in within if value is not None]
    predicted, observed = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    return Trust(
        chains_correlation=_spearman([predicted.mean() for predicted, _, _ in pairs], [chain for *_, chain in pairs]),
        residues_correlation=float(np.mean(defined)) if defined else None,
        error=float(np.abs(predicted - observed).mean()),
        bias=float((predicted - observed).mean()),
        bins=_bins(predicted, observed),
        chains=len(pairs),
        residues=len(predicted),
    )


def _bins(predicted: np.ndarray, observed: np.ndarray) -> list[Bin]:
    width = POINTS / BINS
    at = np.clip(predicted // width, 0, BINS - 1).astype(int)
    bins = []
    for index in range(BINS):
        inside = at == index
        of_bin, seen = (float(values[inside].mean()) if inside.any() else None for values in (predicted, observed))
        bins.append(Bin(index * width, (index + 1) * width, of_bin, seen, int(inside.sum())))
    return bins


def _spearman(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float | None:
    """Return the rank correlation; None where one of them is all equal, or there are fewer than three."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])  # spearmanr does so too, in four times the time
