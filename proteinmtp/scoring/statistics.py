"""Summaries of per-chain metrics, differences of two runs, and bins of length, with 95 % confidence intervals.

Chains of one homology cluster are not independent, so the bootstrap draws whole clusters. Under a split that holds
out members of known clusters, the clusters are fixed and the members are the sample, so it draws chains. Intervals are
percentiles of the resampled means (Efron & Tibshirani 1993, chapter 13).

A run that was trained with several seeds has for each chain the mean over them. Its interval is for other chains and
other seeds: to the variance that the bootstrap finds is added that of the mean over the seeds, from the spread between
them, and the interval is that of Student's t with the degrees of freedom of Welch and Satterthwaite (Satterthwaite
1946), few where few seeds decide. With one seed nothing is known of others, and the interval is for other chains alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.stats import norm, t

from proteinmtp.base.metrics import Metric
from proteinmtp.config import run_of
from proteinmtp.tables.metrics import MetricsRow

CONFIDENCE = 0.95
POWER = 0.8
"""Share of repetitions in which a difference as large as `Difference.detectable` is told apart from none."""

CHAINS_ARE_DRAWN = frozenset(("members", "random", "memorise"))
"""Split methods with every cluster on both sides: the bootstrap draws chains. Under the others it draws clusters."""

LENGTH_BINS = (("under 100", 100), ("100–199", 200), ("200–299", 300), ("300–512", 513), ("over 512", None))
"""Name of each bin of length, and the number of residues that is too many for it."""

EQUIVALENCE = "lddt"
"""The metric in which a difference may be so small that it counts as none."""

Unit = Literal["chain_id", "cluster_id"]


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How intervals are drawn and judged.

    Attributes:
        unit: what is drawn whole.
        samples: resamples.
        seed: of the draws.
        margin: difference in `EQUIVALENCE` that counts as none.
    """

    unit: Unit
    samples: int
    seed: int
    margin: float = 0.0

    def group(self, row: MetricsRow) -> str:
        """Return the unit that a chain is drawn with."""
        return row.chain_id if self.unit == "chain_id" else row.cluster_id

    @property
    def drawn(self) -> str:
        """What is drawn, for people: `chain` or `cluster`."""
        return self.unit.removesuffix("_id")


@dataclass(frozen=True)
class Summary:
    """Mean, median, bounds of the 95 % interval of the mean, number of chains, and what several seeds say.

    Without chains there is no mean, and with fewer than two groups to draw from no interval: None.

    Attributes:
        spread: standard deviation of the means of seeds; None with one seed.
        seeds: how many.
    """

    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    n: int
    spread: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class Difference:
    """Ours minus theirs over the chains that both have.

    Attributes:
        mean, low, high: of the differences, with the bounds of the 95 % interval of the mean; None as in `Summary`.
        won: share of the chains in which ours is the better one, equal ones counting half; None without chains.
        n: chains that both have.
        lower_is_better: of the metric.
        margin: difference that counts as none.
    """

    mean: float | None
    low: float | None
    high: float | None
    won: float | None
    n: int
    lower_is_better: bool
    margin: float = 0.0

    @property
    def verdict(self) -> str | None:
        """`better than`, `worse than`, `as good as` or `not told apart from`, by the interval; None if there is none.

        As good as: the whole interval is within the margin, whether or not it is apart from zero.
        """
        if self.low is None or self.high is None:
            return None
        if -self.margin < self.low and self.high < self.margin:
            return "as good as"
        if self.low <= 0 <= self.high:
            return "not told apart from"
        return "better than" if (self.high < 0) == self.lower_is_better else "worse than"

    @property
    def detectable(self) -> float | None:
        """The least difference that such a comparison tells apart from none in `POWER` of repetitions."""
        if self.low is None or self.high is None:
            return None
        decisive = norm.ppf((1 + CONFIDENCE) / 2)
        return float((self.high - self.low) / 2 * (decisive + norm.ppf(POWER)) / decisive)


@dataclass(frozen=True)
class Scored:
    """One metric of a run.

    Attributes:
        chains: (N,) ids, sorted.
        values: (S, N) for each seed and chain; NaN where there is none.
    """

    chains: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[MetricsRow], metric: str) -> "Scored":
        """Return a metric of rows of one run, of all its seeds."""
        seeds, chains = (sorted({getattr(row, name) for row in rows}) for name in ("run", "chain_id"))
        values = np.full((len(seeds), len(chains)), np.nan)
        row_of, column_of = ({name: at for at, name in enumerate(names)} for names in (seeds, chains))
        for row in rows:
            values[row_of[row.run], column_of[row.chain_id]] = _value(row, metric)
        return cls(np.array(chains, dtype=object), values)

    def among(self, chains: np.ndarray) -> "Scored":
        """Return what there is of some chains."""
        wanted = {*chains}
        return self._kept(np.array([chain in wanted for chain in self.chains], dtype=bool))

    @property
    def known(self) -> "Scored":
        """Those chains that have a finite value with any seed."""
        return self._kept(np.isfinite(self.values).any(0))

    @property
    def means(self) -> np.ndarray:
        """The means over seeds, (N,), of chains that have one."""
        there = np.isfinite(self.values)
        means: np.ndarray = np.where(there, self.values, 0).sum(0) / there.sum(0)
        return means

    @property
    def of_seeds(self) -> np.ndarray:
        """The means over chains, (S,), of those chains that have a value with every seed."""
        complete: np.ndarray = self.values[:, np.isfinite(self.values).all(0)]
        return complete.mean(1) if complete.size else np.zeros(len(self.values))

    @property
    def spread(self) -> float | None:
        """The standard deviation of the means of seeds; None with one."""
        return float(self.of_seeds.std(ddof=1)) if len(self.values) > 1 else None

    def _kept(self, keep: np.ndarray) -> "Scored":
        """Return the chains for which `keep` (N,) is true."""
        return Scored(self.chains[keep], self.values[:, keep])


def resampling_unit(split_method: str) -> Unit:
    """Return the column whose values are drawn under a split method."""
    return "chain_id" if split_method in CHAINS_ARE_DRAWN else "cluster_id"


def of_run(rows: Sequence[MetricsRow], run: str) -> list[MetricsRow]:
    """Return the rows of a run, of all its seeds."""
    return [row for row in rows if run_of(row.run) == run]


def scored_in_both(
    metric: str, *, ours: Sequence[MetricsRow], theirs: Sequence[MetricsRow]
) -> tuple[list[MetricsRow], list[MetricsRow]]:
    """Return the rows of the chains for which both runs have a number in a metric."""
    both = set.intersection(*(set(Scored.of(rows, metric).known.chains) for rows in (ours, theirs)))
    return [row for row in ours if row.chain_id in both], [row for row in theirs if row.chain_id in both]


def summarise(rows: Sequence[MetricsRow], metric: str, bootstrap: Bootstrap) -> Summary:
    """Summarise one metric of the chains of one run; None and NaN do not count.

    Parameters:
        rows: of the run, of all its seeds.
        metric: its name.
        bootstrap: how the interval is drawn.
    """
    scored = Scored.of(rows, metric).known
    seeds = max(1, len(scored.values))
    if not len(scored.chains):
        return Summary(None, None, None, None, 0, seeds=seeds)
    low, high = _interval(scored.means, _groups(scored, rows, bootstrap), [scored], bootstrap)
    means = scored.means
    return Summary(float(means.mean()), float(np.median(means)), low, high, len(means), scored.spread, seeds)


def paired_difference(
    metric: Metric, bootstrap: Bootstrap, *, ours: Sequence[MetricsRow], theirs: Sequence[MetricsRow]
) -> Difference:
    """Compare one metric of two runs, chain by chain.

    The spread between easy and hard chains is in both runs and falls out of the differences, so they tell apart what
    overlapping intervals of two means do not.

    Parameters:
        metric: what is compared.
        bootstrap: how the interval is drawn; the clusters are those of `ours`.
        ours, theirs: rows of one run each, of all its seeds; chains that one of them lacks do not count.
    """
    margin = bootstrap.margin if metric.name == EQUIVALENCE else 0.0
    mine, other = (Scored.of(rows, metric.name).known for rows in (ours, theirs))
    mine, other = mine.among(other.chains), other.among(mine.chains)
    if not len(mine.chains):
        return Difference(None, None, None, None, 0, metric.lower_is_better, margin)
    difference = mine.means - other.means
    low, high = _interval(difference, _groups(mine, ours, bootstrap), [mine, other], bootstrap)
    gain = -difference if metric.lower_is_better else difference
    won = float(((gain > 0) + 0.5 * (gain == 0)).mean())
    return Difference(float(difference.mean()), low, high, won, len(difference), metric.lower_is_better, margin)


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


def _groups(scored: Scored, rows: Sequence[MetricsRow], bootstrap: Bootstrap) -> np.ndarray:
    """Return the unit that each chain is drawn with, (N,)."""
    group = {row.chain_id: bootstrap.group(row) for row in rows}
    return np.array([group[chain] for chain in scored.chains])


def _interval(
    values: np.ndarray, groups: np.ndarray, runs: Sequence[Scored], bootstrap: Bootstrap
) -> tuple[float | None, float | None]:
    """Return the bounds of the interval of the mean of `values` (N,), drawing whole `groups` (N,).

    Parameters:
        values: of chains, means over seeds.
        groups: of the chains.
        runs: what the values are from; those with several seeds say how much seeds add.
        bootstrap: how it is drawn.
    """
    _, group = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(group, weights=values), np.bincount(group)
    if len(sums) < 2:
        return None, None
    drawn = _drawn(len(sums), bootstrap.samples, bootstrap.seed)
    sums_drawn, counts_drawn = (drawn @ np.stack((sums, counts), axis=1)).T
    means = sums_drawn / counts_drawn
    parts = [(float(means.var()), len(sums) - 1)]
    for run in runs:
        if run.spread is not None:
            parts.append((run.spread**2 / len(run.values), len(run.values) - 1))
    variance = sum(part for part, _ in parts)
    if len(parts) == 1 or variance == 0:
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return float(low), float(high)
    freedom = variance**2 / sum(part**2 / of_part for part, of_part in parts)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * variance**0.5
    return float(values.mean()) - half, float(values.mean()) + half


@lru_cache(maxsize=4)
def _drawn(groups: int, samples: int, seed: int) -> np.ndarray:
    """Return how often each group is in each resample, (samples, groups); the same for every run and metric."""
    draws = np.random.default_rng(seed).integers(groups, size=(samples, groups))
    counts = [np.bincount(draw, minlength=groups) for draw in draws]
    return np.array(counts, dtype=float)
