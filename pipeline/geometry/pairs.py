"""What a pass over all pairs of residues tells about a model: kept local distances, errors, contacts, clashes.

One compiled loop over the pairs i < j, because whole matrices would be gone through some thirty times. The lDDT in it
is that of `pipeline.geometry.lddt`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from pipeline.geometry.lddt import RADIUS, THRESHOLDS

SEPARATIONS = (1, 6, 12, 24, 48, 96)
"""First |i-j| of each bin of sequence separation; those from 6, 12 and 24 are called short, medium and long range."""

DISTANCES = (0.0, 4.0, 8.0, 12.0, 16.0, 22.0, 32.0)
"""Beginning of each bin of true distance, whole angstroms."""

LONG_RANGE = 24
"""Least |i-j| of a pair that counts as a contact prediction (CASP's long range)."""

CONTACT = 8.0
"""C-alpha atoms closer than this are a contact, angstrom."""

CLASH = 3.5
"""C-alpha atoms of residues that are no neighbours clash when closer than this, angstrom; in experimental structures
they almost never are."""

_FINEST, _FINE, _COARSE, _COARSEST = THRESHOLDS
_SEPARATION_BINS, _DISTANCE_BINS = len(SEPARATIONS), len(DISTANCES)
_BIN_OF_ANGSTROM = np.searchsorted(DISTANCES, np.arange(DISTANCES[-1] + 1), side="right") - 1


@dataclass(frozen=True)
class PairScores:
    """Sums over the pairs of N residues; S and D are the numbers of bins of `SEPARATIONS` and `DISTANCES`.

    Attributes:
        kept: (N,) pairs within the radius of lDDT that are kept, in fractions of the thresholds.
        local: (N,) pairs within the radius.
        by_separation, by_distance: (S, 3) and (D, 3), number of predicted pairs, sums of absolute and squared errors.
        far: (M,) predicted distances of the pairs at long range, NaN where there is none.
        far_contact: (M,) True for those that are in contact in the native.
        clashing: (N,) True for residues of the model that clash with another.
    """

    kept: np.ndarray
    local: np.ndarray
    by_separation: np.ndarray
    by_distance: np.ndarray
    far: np.ndarray
    far_contact: np.ndarray
    clashing: np.ndarray


def pair_scores(
    model: np.ndarray, native: np.ndarray, places: np.ndarray, predicted: np.ndarray | None, length: int
) -> PairScores:
    """Go through the pairs of the observed residues.

    Parameters:
        model: (N, 3), angstrom, NaN where the model has no residue: its pairs are not kept.
        native: (N, 3), angstrom.
        places: (N,) place of each residue in the full sequence, rising.
        predicted: (P,) distances of the pairs i < j of the full sequence, row by row, NaN where there is none; None:
            those of the model.
        length: residues of the full sequence.
    """
    own = predicted is None
    given = np.zeros(0, np.float32) if predicted is None else predicted.astype(np.float32, copy=False)
    bin_of = np.searchsorted(SEPARATIONS, np.arange(length), side="right") - 1
    return PairScores(*_pass(model, native, places, given, own, length, bin_of))


@numba.njit(cache=True, error_model="numpy")
def _pass(
    model: np.ndarray,
    native: np.ndarray,
    places: np.ndarray,
    predicted: np.ndarray,
    own: bool,
    length: int,
    bin_of: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    size = len(native)
    kept, local = np.zeros(size), np.zeros(size)
    by_separation, by_distance = np.zeros((_SEPARATION_BINS, 3)), np.zeros((_DISTANCE_BINS, 3))
    far, far_contact = np.empty(size * (size - 1) // 2, np.float32), np.empty(size * (size - 1) // 2, np.bool_)
    clashing = np.zeros(size, np.bool_)
    long_range = 0
    for i in range(size):
        row = places[i] * (2 * length - places[i] - 1) // 2 - places[i] - 1
        for j in range(i + 1, size):
            x, y, z = native[i, 0] - native[j, 0], native[i, 1] - native[j, 1], native[i, 2] - native[j, 2]
            true = np.sqrt(x * x + y * y + z * z)
            x, y, z = model[i, 0] - model[j, 0], model[i, 1] - model[j, 1], model[i, 2] - model[j, 2]
            found = np.sqrt(x * x + y * y + z * z)
            if true < RADIUS:
                off = abs(found - true)
                fraction = 0.25 * ((off < _FINEST) + (off < _FINE) + (off < _COARSE) + (off < _COARSEST))
                kept[i] += fraction
                kept[j] += fraction
                local[i] += 1
                local[j] += 1
            separation = places[j] - places[i]
            if separation > 1 and found < CLASH:
                clashing[i] = clashing[j] = True
            said = found if own else np.float64(predicted[row + places[j]])
            if separation >= LONG_RANGE:
                far[long_range], far_contact[long_range] = said, true < CONTACT
                long_range += 1
            error = abs(said - true)
            if not np.isnan(error):
                at = bin_of[separation]
                by_separation[at, 0] += 1
                by_separation[at, 1] += error
                by_separation[at, 2] += error * error
                at = _BIN_OF_ANGSTROM[min(int(true), len(_BIN_OF_ANGSTROM) - 1)]
                by_distance[at, 0] += 1
                by_distance[at, 1] += error
                by_distance[at, 2] += error * error
    return kept, local, by_separation, by_distance, far[:long_range], far_contact[:long_range], clashing


def contact_precision(far: np.ndarray, far_contact: np.ndarray, counts: Sequence[int]) -> list[float | None]:
    """Return for each count the share of true contacts among so many pairs, those that are predicted closest.

    Parameters:
        far, far_contact: see `PairScores`; pairs without a prediction come last and count as wrong.
        counts: pairs looked at, all if there are fewer; None is returned where that is none.
    """
    most = min(max(counts), len(far))
    if most < 1:
        return [None] * len(counts)
    far = np.where(np.isnan(far), np.inf, far)
    near = np.flatnonzero(far <= np.partition(far, most - 1)[most - 1])
    near = near[np.argsort(far[near], kind="stable")]
    right = np.cumsum(far_contact[near] & np.isfinite(far[near]))
    taken = [min(count, len(far)) for count in counts]
    return [float(right[count - 1] / count) if count > 0 else None for count in taken]
