"""Summaries of per-chain metrics: mean, median and bootstrap confidence intervals over clusters.

Chains of one homology cluster are not independent, so the bootstrap draws whole clusters. Under a split that holds
out members of known clusters, the clusters are fixed and the members are the sample, so it draws chains.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

CONFIDENCE = 0.95


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
    _, group = np.unique(np.asarray(groups)[keep], return_inverse=True)
    sums, counts = np.bincount(group, weights=array), np.bincount(group)
    if len(sums) < 2:
        return Summary(float(array.mean()), float(np.median(array)), None, None, len(array))
    drawn = np.random.default_rng(seed).integers(len(sums), size=(samples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Summary(float(array.mean()), float(np.median(array)), float(low), float(high), len(array))
