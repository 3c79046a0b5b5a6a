"""Optimal superposition and the scores that need one: RMSD, TM-score, GDT.

The correspondence is fixed: point i of the model belongs to point i of the native. TM-score and GDT take the best
superposition that `proteinmtp.geometry.search` finds, on the CPU wherever the tensors lie.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from proteinmtp.geometry.constants import GDT_HA_CUTOFFS, GDT_TS_CUTOFFS
from proteinmtp.geometry.search import Superpositions


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
