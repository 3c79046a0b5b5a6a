"""What a pass over all pairs of residues says about a model: kept local distances, errors, contacts, clashes.

One compiled loop over the pairs i < j, because whole matrices would be gone through some thirty times. The lDDT in it
is that of `proteinmtp.geometry.lddt`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteinmtp.geometry.compiled import compiler
from proteinmtp.geometry.constants import CLASH, CONTACT, LDDT_RADIUS, LDDT_THRESHOLDS

SEPARATIONS = (1, 6, 12, 24, 48, 96)
"""First |i-j| of each bin of sequence separation; those from 6, 12 and 24 are called short, medium and long range."""

DISTANCES = (0, 4, 8, 12, 16, 22, 32)
"""Beginning of each bin of true distance, whole angstroms."""

MEDIUM_RANGE, LONG_RANGE = 12, 24
"""Least |i-j| of the pairs that count as contact predictions: CASP's medium range, and its long range."""

LIKELY = 0.02
"""Probability from which on a contact is looked at, unless fewer pairs reach it than are asked for."""

_LOCAL = np.array([LDDT_RADIUS, *LDDT_THRESHOLDS], np.float32)
"""Given to compiled code as an argument, as `CONTACT` and `CLASH` are: what it takes from another module would stay in
its cache as it was."""


@dataclass(frozen=True, kw_only=True)
class PairScores:
    """Sums over the pairs of N residues; S and D are the numbers of bins of `SEPARATIONS` and `DISTANCES`.

    Attributes:
        kept: (N,) pairs within the radius of lDDT that the model keeps, in fractions of the thresholds.
        kept_distances: (N,) the same for the predicted distances.
        local: (N,) pairs within the radius.
        by_separation, by_distance: (S, 3) and (D, 3), number of predicted pairs, sums of absolute and squared errors.
        medium, far: (K,) and (M,) what ranks the pairs at medium and at long range, the likeliest contact lowest: minus
            its probability or, without probabilities, the distance; NaN where nothing is predicted.
        medium_contact, far_contact: (K,) and (M,) True for those that are in contact in the native.
        clashing: (N,) True for residues of the model that clash with another.
    """

    kept: np.ndarray
    kept_distances: np.ndarray
    local: np.ndarray
    by_separation: np.ndarray
    by_distance: np.ndarray
    medium: np.ndarray
    medium_contact: np.ndarray
    far: np.ndarray
    far_contact: np.ndarray
    clashing: np.ndarray


def pair_scores(
    model: np.ndarray,
    native: np.ndarray,
    *,
    places: np.ndarray,
    predicted: np.ndarray | None,
    length: int,
    contact: np.ndarray | None = None,
) -> PairScores:
    """Go through the pairs of the observed residues.

    Parameters:
        model: (N, 3), angstrom, NaN where the model has no residue: its pairs are not kept.
        native: (N, 3), angstrom.
        places: (N,) place of each residue in the full sequence, rising.
        predicted: (P,) distances of the pairs i < j of the full sequence, row by row, NaN where there is none; None:
            those of the model.
        length: residues of the full sequence.
        contact: (P,) probability that a pair of the full sequence is in contact; None: contacts are ranked by distance.
    """
    own, ranked = predicted is None, contact is not None
    given, likely = (
        np.zeros(0, np.float32) if packed is None else packed.astype(np.float32, copy=False)
        for packed in (predicted, contact)
    )
    # Near the origin, so that single precision is enough.
    first = np.argmax(np.isfinite(model[:, 0]))
    here, there = (np.ascontiguousarray((points - points[first]).T, np.float32) for points in (model, native))
    kept, kept_distances, local, *others = _pass(
        here, there, places, given, own, -likely, ranked, length, _LOCAL, CONTACT, CLASH
    )
    by_separation, by_distance, medium, medium_contact, far, far_contact, clashing = others
    steps = len(LDDT_THRESHOLDS)
    return PairScores(
        kept=kept / steps,
        kept_distances=(kept if own else kept_distances) / steps,
        local=local.astype(np.float64),
        by_separation=by_separation,
        by_distance=by_distance,
        medium=medium,
        medium_contact=medium_contact,
        far=far,
        far_contact=far_contact,
        clashing=clashing,
    )


FASTMATH = {"reassoc", "contract", "nsz"}
"""NaN stays what it is."""

compiled, inlined = compiler(fastmath=FASTMATH), compiler(fastmath=FASTMATH, inline=True)


@inlined
def _distances(points: np.ndarray, i: int, out: np.ndarray) -> None:
    """Write the distances of point i from itself and those after it; points (3, N)."""
    x, y, z, out = points[0, i:], points[1, i:], points[2, i:], out[i:]
    u, v, w = x[0], y[0], z[0]
    for j in range(len(out)):
        a, b, c = u - x[j], v - y[j], w - z[j]
        out[j] = np.sqrt(a * a + b * b + c * c)


@inlined
def _keep(true: np.ndarray, model: np.ndarray, i: int, kept: np.ndarray, local: np.ndarray, limits: np.ndarray) -> None:
    """Add up what lDDT counts of the pairs of i and those after it, in quarters; limits are radius and thresholds."""
    radius, finest, fine, coarse, coarsest = limits
    true, model, later_kept, later_local = true[i + 1 :], model[i + 1 :], kept[i + 1 :], local[i + 1 :]
    of_row, near = np.int32(0), np.int32(0)
    for j in range(len(true)):
        off = abs(model[j] - true[j])
        counts = np.int32(true[j] < radius)
        steps = np.int32(off < finest) + np.int32(off < fine) + np.int32(off < coarse) + np.int32(off < coarsest)
        later_kept[j] += counts * steps
        later_local[j] += counts
        of_row += counts * steps
        near += counts
    kept[i] += of_row
    local[i] += near


@inlined
def _read(source: np.ndarray, places: np.ndarray, i: int, length: int, own: bool, given: np.ndarray) -> None:
    """Write the predicted distances of i and those after it: of the model's own row, or of the packed triangle."""
    row = places[i] * (2 * length - places[i] - 1) // 2 - places[i] - 1
    for j in range(i + 1, len(places)):
        given[j] = source[j] if own else source[row + places[j]]


@inlined
def _compare(given: np.ndarray, true: np.ndarray, i: int, error: np.ndarray) -> None:
    """Write the errors of i and those after it, -1 where nothing was predicted."""
    given, true, error = given[i:], true[i:], error[i:]
    for j in range(len(given)):
        off = abs(given[j] - true[j])
        error[j] = off if off == off else np.float32(-1)


@inlined
def _any_below(values: np.ndarray, start: int, limit: float) -> bool:
    """Return whether a value from start on is below the limit."""
    values, least = values[start:], np.float32(limit)
    count = np.int32(0)
    for j in range(len(values)):
        count += np.int32(values[j] < least)
    return bool(count > 0)


@inlined
def _add_errors(
    error: np.ndarray, true: np.ndarray, start: int, end: int, low: float, high: float, sums: np.ndarray, at: int
) -> None:
    """Add to row `at` number, sum and sum of squares of the errors from start to end whose true distance is in
    [low, high); below 0 is no error."""
    error, true = error[start:end], true[start:end]
    least, most = np.float32(low), np.float32(high)
    count, absolute, squared = np.int32(0), np.float32(0), np.float32(0)
    for j in range(len(error)):
        inside = (true[j] >= least) & (true[j] < most) & (error[j] >= 0)
        weighed = error[j] if inside else np.float32(0)
        count += np.int32(inside)
        absolute += weighed
        squared += weighed * weighed
    sums[at, 0] += count
    sums[at, 1] += absolute
    sums[at, 2] += squared


@compiled
def _pass(
    model: np.ndarray,
    native: np.ndarray,
    places: np.ndarray,
    predicted: np.ndarray,
    own: bool,
    unlikely: np.ndarray,
    ranked: bool,
    length: int,
    limits: np.ndarray,
    contact: float,
    clash: float,
) -> tuple[np.ndarray, ...]:
    size = len(places)
    kept, kept_predicted, local = np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, np.int32)
    uncounted = np.zeros(size, np.int32)
    by_separation, by_distance = np.zeros((len(SEPARATIONS), 3)), np.zeros((len(DISTANCES), 3))
    far, far_contact = np.empty(size * (size - 1) // 2, np.float32), np.empty(size * (size - 1) // 2, np.bool_)
    most = size * (LONG_RANGE - MEDIUM_RANGE)
    medium, medium_contact = np.empty(most, np.float32), np.empty(most, np.bool_)
    clashing = np.zeros(size, np.bool_)
    true, modelled = np.zeros(size, np.float32), np.zeros(size, np.float32)
    given, error = np.zeros(size, np.float32), np.zeros(size, np.float32)
    order = np.zeros(size, np.float32) if ranked else given
    begins = np.array((*DISTANCES, np.inf), np.float32)
    medium_range, long_range = 0, 0
    for i in range(size):
        _distances(native, i, true)
        _distances(model, i, modelled)
        _keep(true, modelled, i, kept, local, limits)
        _read(modelled if own else predicted, places, i, length, own, given)
        _compare(given, true, i, error)
        if not own:
            _keep(true, given, i, kept_predicted, uncounted, limits)
        if ranked:
            _read(unlikely, places, i, length, False, order)
        for at in range(len(DISTANCES)):
            _add_errors(error, true, i + 1, size, begins[at], begins[at + 1], by_distance, at)
        start = i + 1
        for at in range(len(SEPARATIONS)):
            if SEPARATIONS[at] == LONG_RANGE:
                for j in range(start, size):
                    far[long_range + j - start], far_contact[long_range + j - start] = order[j], true[j] < contact
                long_range += size - start
            end = size
            if at + 1 < len(SEPARATIONS):
                end = start
                while end < size and places[end] - places[i] < SEPARATIONS[at + 1]:
                    end += 1
            if SEPARATIONS[at] == MEDIUM_RANGE:
                for j in range(start, end):
                    medium[medium_range], medium_contact[medium_range] = order[j], true[j] < contact
                    medium_range += 1
            _add_errors(error, true, start, end, 0, np.inf, by_separation, at)
            start = end
        if _any_below(modelled, i + 2, clash) or places[min(i + 1, size - 1)] > places[i] + 1:
            for j in range(i + 1, size):
                if modelled[j] < clash and places[j] - places[i] > 1:
                    clashing[i] = clashing[j] = True
    return (
        kept, kept_predicted, local, by_separation, by_distance, medium[:medium_range], medium_contact[:medium_range],
        far[:long_range], far_contact[:long_range], clashing,
    )  # fmt: skip


def likeliest(order: np.ndarray, contact: np.ndarray, *, most: int, first: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs among which are the likeliest so many, in their order: those below a mark, or all.

    Parameters:
        order, contact: (M,) as for `contact_precision`.
        most: pairs that are asked for.
        first: those below it are returned alone if they are enough, which saves time.
    """
    near = np.flatnonzero(order < first)
    return (order, contact) if len(near) < most else (order[near], contact[near])


def contact_precision(order: np.ndarray, contact: np.ndarray, *, counts: Sequence[int]) -> list[float | None]:
    """Return for each count the share of true contacts among so many pairs, the likeliest ones.

    Parameters:
        order: (M,) what ranks the pairs, see `PairScores`; pairs without a prediction come last and count as wrong.
        contact: (M,) True for pairs that are in contact in the native.
        counts: pairs looked at, all if there are fewer; None is returned where that is none.
    """
    most = min(max(counts), len(order))
    if most < 1:
        return [None] * len(counts)
    last = np.partition(order, most - 1)[most - 1]
    chosen = np.flatnonzero(order <= last) if last == last else np.arange(len(order))
    chosen = chosen[np.argsort(order[chosen], kind="stable")]  # NaN come last in both
    right = np.cumsum(contact[chosen] & ~np.isnan(order[chosen]))
    taken = [min(count, len(order)) for count in counts]
    return [float(right[count - 1] / count) if count > 0 else None for count in taken]
