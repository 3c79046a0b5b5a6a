"""Optimal superposition and the scores that need one: RMSD, TM-score, GDT.

The correspondence is fixed: point i of the model belongs to point i of the native. TM-score and GDT take the best
superposition found by the search of Zhang & Skolnick (2004): start from many fragments, superpose, keep the pairs
that lie close, superpose on those, and repeat. Here all fragments are iterated together as one batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

GDT_TS_CUTOFFS = (1.0, 2.0, 4.0, 8.0)
GDT_HA_CUTOFFS = (0.5, 1.0, 2.0, 4.0)

ITERATIONS = 20
SHORTEST_FRAGMENT = 4
BATCH_POINTS = 2_000_000
"""Fragments times residues that are held in memory together."""


@dataclass(frozen=True)
class Scores:
    """Scores of one model against one native."""

    rmsd: float
    tm_score: float
    gdt_ts: float
    gdt_ha: float


def kabsch(mobile: Tensor, fixed: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
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
    rotation, translation = kabsch(mobile[seen], fixed[seen], torch.ones_like(mobile[seen, 0]))
    return mobile @ rotation + translation


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
    model, native = model.to(torch.float64), native.to(torch.float64)
    length = native_length or len(native)
    difference = superpose(model, native) - native
    rmsd = difference.square().sum(-1).mean().sqrt()
    tm_sum, within = _search(model, native, tm_d0(length))
    return Scores(
        rmsd=float(rmsd),
        tm_score=tm_sum / length,
        gdt_ts=sum(within[cutoff] for cutoff in GDT_TS_CUTOFFS) / len(GDT_TS_CUTOFFS) / length,
        gdt_ha=sum(within[cutoff] for cutoff in GDT_HA_CUTOFFS) / len(GDT_HA_CUTOFFS) / length,
    )


def tm_d0(length: int) -> float:
    """Return the distance scale d0 of the TM-score for a native of `length` residues, angstrom, at least 0.5.

    Zhang & Skolnick 2004, equation 5; below 22 residues the formula's value falls under 0.5, as in the TMscore
    program.
    """
    return max(0.5, 1.24 * (length - 15) ** (1 / 3) - 1.8) if length > 15 else 0.5


def _search(model: Tensor, native: Tensor, d0: float) -> tuple[float, dict[float, int]]:
    """Return the best TM sum and, for each GDT cutoff, the most residues within it, over all superpositions."""
    cutoffs = sorted({*GDT_TS_CUTOFFS, *GDT_HA_CUTOFFS})
    best_tm = 0.0
    best_within = dict.fromkeys(cutoffs, 0)
    search_cutoff = min(8.0, max(4.5, d0))
    fragments = _fragments(len(native))
    for chunk in fragments.split(max(1, BATCH_POINTS // len(native))):
        weights = chunk.to(torch.float64)
        for iteration in range(ITERATIONS + 1):
            rotation, translation = kabsch(
                model.expand(len(weights), -1, -1), native.expand(len(weights), -1, -1), weights
            )
            distance = (model @ rotation + translation[:, None] - native).norm(dim=-1)
            best_tm = max(best_tm, float((1 / (1 + (distance / d0) ** 2)).sum(-1).max()))
            for cutoff in cutoffs:
                best_within[cutoff] = max(best_within[cutoff], int((distance <= cutoff).sum(-1).max()))
            cutoff_now = search_cutoff - 1 if iteration == 0 else search_cutoff + 1
            selected = _closest(distance, cutoff_now)
            changed = (selected != weights).any(-1)
            if not changed.any():
                break
            weights = selected[changed]
    return best_tm, best_within


def _closest(distance: Tensor, cutoff: float) -> Tensor:
    """Return weights 1 for points within `cutoff`, which is widened by half angstroms until there are 3 points."""
    third = distance.kthvalue(3, dim=-1).values
    extra = ((third - cutoff).clamp(min=0) / 0.5).ceil() * 0.5
    return (distance <= (cutoff + extra)[:, None]).to(distance.dtype)


def _fragments(count: int) -> Tensor:
    """Return the starting fragments as masks (F, N): lengths N, N/2, N/4, ... down to 4, at every position."""
    lengths = []
    length = count
    while length > SHORTEST_FRAGMENT:
        lengths.append(length)
        length //= 2
    lengths.append(min(SHORTEST_FRAGMENT, count))
    masks = []
    index = torch.arange(count)
    for length in lengths:
        starts = torch.arange(count - length + 1)[:, None]
        masks.append((index >= starts) & (index < starts + length))
    return torch.cat(masks)
