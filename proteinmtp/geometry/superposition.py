"""Optimal superposition and the scores that need one: RMSD, TM-score, GDT.

The correspondence is fixed: point i of the model belongs to point i of the native. TM-score and GDT take the best
superposition that `proteinmtp.geometry.search` finds, on the CPU wherever the tensors lie.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from proteinmtp.geometry.constants import GDT_HA_CUTOFFS, GDT_TS_CUTOFFS
from proteinmtp.geometry.search import climb, optimal_motion, prepare, search, squares

CUTOFFS = tuple(sorted({*GDT_HA_CUTOFFS, *GDT_TS_CUTOFFS}))
"""Of both kinds of GDT, angstrom: five."""

_SQUARES = np.array(CUTOFFS, np.float32) ** 2
"""Given to compiled code as an argument: what it takes from another module would stay in its cache as it was."""

SEARCH_RADIUS = (4.5, 8.0)
"""Bounds of the radius of the search of Zhang & Skolnick, angstrom; within them it is d0 of the TM-score."""

HALVINGS, SHORTEST_FRAGMENT = 4, 4
"""Zhang & Skolnick's fragments: the chain halved so many times, but no shorter than this, and at last the shortest."""

TM_WIDTHS = np.array((64, 64, 16, 16, 16, 8, 8, 8, 4, 4, 4, 4, 4, 4))
GDT_WIDTHS = np.array((24, 24, 8, 8, 8, 8, 4, 4))
"""Superpositions that are followed uphill in each step, the best of the step before."""

SHORT_CHAIN = 64
"""Up to so many points twice as many are followed, and fragments of three tried too: d0 is small, and time short."""


@dataclass(frozen=True)
class Scores:
    """Scores of one model against one native."""

    rmsd: float
    tm_score: float
    gdt_ts: float
    gdt_ha: float


def kabsch(mobile: Tensor, fixed: Tensor, *, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rotation and translation that lay `mobile` on `fixed` with least weighted squares.

    Parameters:
        mobile: (..., N, 3).
        fixed: (..., N, 3).
        weights: (..., N), not negative.

    Returns:
        Rotation (..., 3, 3) and translation (..., 3): `mobile @ rotation + translation` is close to `fixed`. The
        rotation is proper: mirror images are not superposed. Source: Kabsch 1976, Umeyama 1991.
    """
    total = weights.sum(-1)[..., None].clamp(min=1e-12)
    mobile_centre = torch.einsum("...n,...nc->...c", weights, mobile) / total
    fixed_centre = torch.einsum("...n,...nc->...c", weights, fixed) / total
    covariance = torch.einsum(
        "...n,...nc,...nd->...cd",
        weights,
        mobile - mobile_centre[..., None, :],
        fixed - fixed_centre[..., None, :],
    )
    u, _, vt = torch.linalg.svd(covariance)
    sign = torch.linalg.det(u @ vt).sign()
    u = torch.cat([u[..., :2], u[..., 2:] * sign[..., None, None]], dim=-1)
    rotation = u @ vt
    return rotation, fixed_centre - torch.einsum("...c,...cd->...d", mobile_centre, rotation)


def superpose(mobile: Tensor, fixed: Tensor) -> Tensor:
    """Return `mobile` (N, 3) laid on `fixed` (N, 3) with least RMSD over the rows where neither is NaN."""
    seen = (mobile.isfinite() & fixed.isfinite()).all(-1)
    rotation, translation = kabsch(mobile[seen], fixed[seen], weights=torch.ones_like(mobile[seen, 0]))
    return mobile @ rotation + translation


@lru_cache(maxsize=16)
def fragment_lengths(size: int) -> np.ndarray:
    """Return the lengths of the fragments from which a chain of so many points is searched."""
    shortest = min(SHORTEST_FRAGMENT, size)
    halved = (size >> times for times in range(HALVINGS + 1))
    lengths = [*(length for length in halved if length > shortest), shortest]
    return np.array(lengths if size > SHORT_CHAIN or shortest < 4 else [*lengths, 3])


@lru_cache(maxsize=16)
def random_keys(size: int) -> np.ndarray:
    """Return the same random int32 (size) in every process."""
    return np.random.default_rng(0).integers(-(1 << 31), 1 << 31, size, dtype=np.int32)


class Superpositions:
    """N points of a model and of a native, ready to be superposed in many ways.

    Parameters:
        model, native: (N, 3), angstrom, no NaN.
    """

    def __init__(self, model: np.ndarray, native: np.ndarray):
        self._model = np.ascontiguousarray(model, np.float64)
        self._native = np.ascontiguousarray(native, np.float64)
        self._points, self._running = prepare(self._model, self._native)

    def rmsd(self) -> float:
        """Return the least root mean square distance, angstrom."""
        return self._rmsd(self._points, self._running[-1])

    def mirrored(self) -> "Superpositions":
        """Return the same with the model's mirror image."""
        return Superpositions(self._model * (1, 1, -1), self._native)

    def mirror_rmsd(self) -> float:
        """Return the least root mean square distance of the model's mirror image, angstrom."""
        points, sums = self._points.copy(), self._running[-1].copy()
        points[0] *= -1
        sums[[1, 7, 10, 13]] *= -1
        return self._rmsd(points, sums)

    def best(self, d0: float) -> tuple[float, dict[float, int]]:
        """Return the greatest sum of 1 / (1 + d^2 / d0^2), and for each of `CUTOFFS` the most points within it.

        Both are what the search reaches; d0 in angstrom.
        """
        points, running = self._points, self._running
        size = points.shape[1]
        counts = np.zeros(len(CUTOFFS), np.int32)
        nearest, farthest = SEARCH_RADIUS
        cutoff = min(farthest, max(nearest, d0))
        total, fragments, worth = search(
            points, running, fragment_lengths(size), random_keys(size), cutoff, d0, _SQUARES, counts
        )
        times = 2 if size <= SHORT_CHAIN else 1
        for radius, of_radius in zip(CUTOFFS, worth, strict=False):
            climb(points, running, fragments, of_radius, times * GDT_WIDTHS, radius, True, _SQUARES, counts)
        climbed = climb(points, running, fragments, worth[-1], times * TM_WIDTHS, d0, False, _SQUARES, counts)
        return float(max(total, climbed)), dict(zip(CUTOFFS, counts.tolist(), strict=True))

    @staticmethod
    def _rmsd(points: np.ndarray, sums: np.ndarray) -> float:
        motion, square = np.empty(12, np.float32), np.empty(points.shape[1], np.float32)
        optimal_motion(sums, motion)
        squares(points, motion, square)
        return math.sqrt(square.mean(dtype=np.float64))


def score(model: Tensor, native: Tensor, native_length: int | None = None) -> Scores:
    """Score a model against the native.

    Parameters:
        model: (N, 3), angstrom, the points that both have.
        native: (N, 3), angstrom, in the same order.
        native_length: residues that TM-score and GDT are divided by; N by default.

    Raises:
        ValueError: with fewer than 3 common points.
    """
    if len(native) < 3:
        raise ValueError(f"superposition needs at least 3 common residues, got {len(native)}")
    points = (of.detach().to(torch.float64).cpu().numpy() for of in (model, native))
    return scores_of(Superpositions(*points), native_length or len(native))


def scores_of(pair: Superpositions, native_length: int) -> Scores:
    """Return the scores of a prepared pair, divided by `native_length` residues; see `score`."""
    d0 = tm_d0(native_length)
    close, within = pair.best(d0)
    return Scores(
        rmsd=pair.rmsd(),
        tm_score=min(1.0, close / native_length),
        gdt_ts=sum(within[cutoff] for cutoff in GDT_TS_CUTOFFS) / len(GDT_TS_CUTOFFS) / native_length,
        gdt_ha=sum(within[cutoff] for cutoff in GDT_HA_CUTOFFS) / len(GDT_HA_CUTOFFS) / native_length,
    )


def tm_d0(length: int) -> float:
    """Return the distance scale d0 of the TM-score for a native of `length` residues, angstrom, at least 0.5.

    Zhang & Skolnick 2004, equation 5; below 22 residues the formula's value falls under 0.5, as in the TMscore
    program.
    """
    return max(0.5, 1.24 * (length - 15) ** (1 / 3) - 1.8) if length > 15 else 0.5
