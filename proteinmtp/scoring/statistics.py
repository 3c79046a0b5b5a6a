"""Summaries of per-chain metrics, differences of two runs, and bins of length, with bootstrap confidence intervals.

Chains of one homology cluster are not independent, so the bootstrap draws whole clusters. Under a split that holds
out members of known clusters, the clusters are fixed and the members are the sample, so it draws chains. Intervals are
percentiles of the resampled means (Efron & Tibshirani 1993, chapter 13).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

CONFIDENCE = 0.95

CHAINS_ARE_DRAWN = frozenset(("members", "random", "memorise"))
"""Split methods with every cluster on both sides: the bootstrap draws chains. Under the others it draws clusters."""

LENGTH_BINS = (("under 100", 100), ("100–199", 200), ("200–299", 300), ("300–512", 513), ("over 512", None))
"""Name of each bin of length, and the number of residues that is too many for it."""

Values = Mapping[str, float | None]
"""A metric by chain id; None and NaN do not count."""


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

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the fields as a dict."""
        return asdict(self)


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

    def as_dict(self) -> dict[str, float | int | str | None]:
        """Return the numbers and the verdict as a dict."""
        return {name: getattr(self, name) for name in ("mean", "low", "high", "won", "n", "verdict")}


def resampling_unit(split_method: str) -> str:
    """Return the column whose values are drawn under a split method: chain_id or cluster_id."""
    return "chain_id" if split_method in CHAINS_ARE_DRAWN else "cluster_id"


def counts(value: float | None) -> bool:
    """Return whether a value of a metric is a number."""
    return value is not None and bool(np.isfinite(value))


def summarise(values: Sequence[float | None], groups: Sequence[str], samples: int, seed: int) -> Summary:
    """Summarise one metric of one run.

    Parameters:
        values: one for each chain; None and NaN do not count.
        groups: the unit of resampling of each chain, its cluster or its own id.
        samples: bootstrap resamples.
        seed: of the resampling.
    """
    array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    keep = np.isfinite(array)
    array = array[keep]
    if not len(array):
        return Summary(None, None, None, None, 0)
    low, high = _interval(array, np.asarray(groups)[keep], samples, seed)
    return Summary(float(array.mean()), float(np.median(array)), low, high, len(array))


def paired_difference(
    ours: Values, theirs: Values, group_of: Mapping[str, str], lower_is_better: bool, samples: int, seed: int
) -> Difference:
    """Compare one metric of two runs, chain by chain.

    The spread between easy and hard chains is in both runs and falls out of the differences, so they tell apart what
    overlapping intervals of two means do not.

    Parameters:
        ours, theirs: the metric by chain id; chains that one of them lacks do not count.
        group_of: the unit of resampling of each chain.
        lower_is_better: of the metric.
        samples: bootstrap resamples.
        seed: of the resampling.
    """
    pairs = [
        (chain, ours[chain], theirs[chain])
        for chain in sorted(ours.keys() & theirs.keys())
        if counts(ours[chain]) and counts(theirs[chain])
    ]
    if not pairs:
        return Difference(None, None, None, None, 0, lower_is_better)
    difference = np.array([a - b for _, a, b in pairs], dtype=np.float64)  # type: ignore[operator]
    low, high = _interval(difference, np.array([group_of[chain] for chain, _, _ in pairs]), samples, seed)
    gain = -difference if lower_is_better else difference
    won = float(((gain > 0) + 0.5 * (gain == 0)).mean())
    return Difference(float(difference.mean()), low, high, won, len(pairs), lower_is_better)


def length_bin(length: int) -> str:
    """Return the name of the bin that a chain of `length` residues falls into."""
    return next(name for name, end in LENGTH_BINS if end is None or length < end)


def summarise_by_length(
    values: Sequence[float | None], lengths: Sequence[int], groups: Sequence[str], samples: int, seed: int
) -> dict[str, Summary]:
    """Summarise one metric of one run in each bin of length; see `summarise`. Bins without chains have n = 0."""
    bins = np.array([length_bin(length) for length in lengths], dtype=object)
    summaries = {}
    for name, _ in LENGTH_BINS:
        inside = np.flatnonzero(bins == name).tolist()
        summaries[name] = summarise([values[at] for at in inside], [groups[at] for at in inside], samples, seed)
    return summaries


def _interval(values: np.ndarray, groups: np.ndarray, samples: int, seed: int) -> tuple[float | None, float | None]:
    """Return the bounds of the interval of the mean of `values` (N,), drawing whole `groups` (N,)."""
    _, group = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(group, weights=values), np.bincount(group)
    if len(sums) < 2:
        return None, None
    drawn = np.random.default_rng(seed).integers(len(sums), size=(samples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
