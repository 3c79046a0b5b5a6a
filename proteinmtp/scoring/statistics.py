"""Summaries of per-chain metrics, differences of two runs, and bins of length, with bootstrap confidence intervals.

Chains of one homology cluster are not independent, so the bootstrap draws whole clusters. Under a split that holds
out members of known clusters, the clusters are fixed and the members are the sample, so it draws chains. Intervals are
percentiles of the resampled means (Efron & Tibshirani 1993, chapter 13).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from proteinmtp.base.metrics import Metric
from proteinmtp.tables.metrics import MetricsRow

CONFIDENCE = 0.95

CHAINS_ARE_DRAWN = frozenset(("members", "random", "memorise"))
"""Split methods with every cluster on both sides: the bootstrap draws chains. Under the others it draws clusters."""

LENGTH_BINS = (("under 100", 100), ("100–199", 200), ("200–299", 300), ("300–512", 513), ("over 512", None))
"""Name of each bin of length, and the number of residues that is too many for it."""

Unit = Literal["chain_id", "cluster_id"]


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How intervals are drawn: the unit that is drawn whole, the number of resamples, and the seed."""

    unit: Unit
    samples: int
    seed: int

    def group(self, row: MetricsRow) -> str:
        """Return the unit that a chain is drawn with."""
        return row.chain_id if self.unit == "chain_id" else row.cluster_id

    @property
    def drawn(self) -> str:
        """What is drawn, for people: `chain` or `cluster`."""
        return self.unit.removesuffix("_id")


@dataclass(frozen=True)
class Summary:
    """Mean, median, bounds of the 95 % bootstrap interval of the mean, and number of chains.

    Without chains there is no mean, and with fewer than two groups to draw from no interval: None.
    """

    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """Ours minus theirs over the chains that both have.

    Attributes:
        mean, low, high: of the differences, with the bounds of the 95 % bootstrap interval of the mean; None as in
            `Summary`.
        won: share of the chains in which ours is the better one, equal ones counting half; None without chains.
        n: chains that both have.
        lower_is_better: of the metric.
    """

    mean: float | None
    low: float | None
    high: float | None
    won: float | None
    n: int
    lower_is_better: bool

    @property
    def verdict(self) -> str | None:
        """`better than`, `worse than` or `not told apart from`, by the interval; None if there is none."""
        if self.low is None or self.high is None:
            return None
        if self.low <= 0 <= self.high:
            return "not told apart from"
        return "better than" if (self.high < 0) == self.lower_is_better else "worse than"


def resampling_unit(split_method: str) -> Unit:
    """Return the column whose values are drawn under a split method."""
    return "chain_id" if split_method in CHAINS_ARE_DRAWN else "cluster_id"


def by_chain(rows: Sequence[MetricsRow], run: str) -> dict[str, MetricsRow]:
    """Return the rows of a run by chain id."""
    return {row.chain_id: row for row in rows if row.run == run}


def scored_in_both(
    metric: str, *, ours: Mapping[str, MetricsRow], theirs: Mapping[str, MetricsRow]
) -> list[tuple[MetricsRow, MetricsRow]]:
    """Return the rows of the chains for which both runs have a number in a metric, sorted by chain id."""
    both = [(ours[chain], theirs[chain]) for chain in sorted(ours.keys() & theirs.keys())]
    return [pair for pair in both if all(np.isfinite(_value(row, metric)) for row in pair)]


def summarise(rows: Sequence[MetricsRow], metric: str, bootstrap: Bootstrap) -> Summary:
    """Summarise one metric of the chains of one run; None and NaN do not count."""
    values = np.array([_value(row, metric) for row in rows], dtype=np.float64)
    keep = np.isfinite(values)
    values = values[keep]
    if not len(values):
        return Summary(None, None, None, None, 0)
    low, high = _interval(values, np.array([bootstrap.group(row) for row in rows])[keep], bootstrap)
    return Summary(float(values.mean()), float(np.median(values)), low, high, len(values))


def paired_difference(
    metric: Metric, bootstrap: Bootstrap, *, ours: Mapping[str, MetricsRow], theirs: Mapping[str, MetricsRow]
) -> Difference:
    """Compare one metric of two runs, chain by chain.

    The spread between easy and hard chains is in both runs and falls out of the differences, so they tell apart what
    overlapping intervals of two means do not.

    Parameters:
        metric: what is compared.
        bootstrap: how the interval is drawn; the clusters are those of `ours`.
        ours, theirs: rows by chain id; chains that one of them lacks do not count.
    """
    pairs = scored_in_both(metric.name, ours=ours, theirs=theirs)
    if not pairs:
        return Difference(None, None, None, None, 0, metric.lower_is_better)
    difference = np.array([_value(a, metric.name) - _value(b, metric.name) for a, b in pairs], dtype=np.float64)
    low, high = _interval(difference, np.array([bootstrap.group(a) for a, _ in pairs]), bootstrap)
    gain = -difference if metric.lower_is_better else difference
    won = float(((gain > 0) + 0.5 * (gain == 0)).mean())
    return Difference(float(difference.mean()), low, high, won, len(pairs), metric.lower_is_better)


def length_bin(length: int) -> str:
    """Return the name of the bin that a chain of `length` residues falls into."""
    return next(name for name, end in LENGTH_BINS if end is None or length < end)


def summarise_by_length(rows: Sequence[MetricsRow], metric: str, bootstrap: Bootstrap) -> dict[str, Summary]:
    """Summarise one metric of one run in each bin of length; see `summarise`. Bins without chains have n = 0."""
    return {
        name: summarise([row for row in rows if length_bin(row.length) == name], metric, bootstrap)
        for name, _ in LENGTH_BINS
    }


def _value(row: MetricsRow, metric: str) -> float:
    value = row.scores[metric]
    return np.nan if value is None else value


def _interval(values: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> tuple[float | None, float | None]:
    """Return the bounds of the interval of the mean of `values` (N,), drawing whole `groups` (N,)."""
    _, group = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(group, weights=values), np.bincount(group)
    if len(sums) < 2:
        return None, None
    drawn = np.random.default_rng(bootstrap.seed).integers(len(sums), size=(bootstrap.samples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
