"""What expected lDDT is worth: isotonic regression of what residues have on what was expected of them (Barlow 1972).

The regression is a staircase; straight lines between the middles of its steps keep the order of what it is given.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from proteinmtp.tables.calibration import Calibration


def calibrated(expected: Sequence[np.ndarray], observed: Sequence[np.ndarray]) -> Calibration:
    """Return the curve from expected to observed lDDT of the residues of some chains, 0..100; NaN does not count."""
    known = [np.isfinite(mine) & np.isfinite(seen) for mine, seen in zip(expected, observed, strict=True)]
    none = np.empty(0)
    x = np.concatenate([none, *(mine[keep] for mine, keep in zip(expected, known, strict=True))])
    y = np.concatenate([none, *(seen[keep] for seen, keep in zip(observed, known, strict=True))])
    chains = sum(map(bool, (keep.any() for keep in known)))
    if not len(x):
        return Calibration(expected=[], observed=[], chains=0, residues=0)
    places, which, number = np.unique(x, return_inverse=True, return_counts=True)
    steps = isotonic_regression(np.bincount(which, weights=y) / number, weights=number)
    knots = []
    for begin, end in zip(steps.blocks[:-1], steps.blocks[1:], strict=True):
        middle = np.average(places[begin:end], weights=number[begin:end])
        knots.append((float(middle), float(steps.x[begin])))
    return Calibration(
        expected=[place for place, _ in knots],
        observed=[value for _, value in knots],
        chains=chains,
        residues=len(x),
    )
