"""From distances to coordinates: classical multidimensional scaling, then SMACOF.

Chains in a batch are padded to the same L; a mask says which rows count. Everything is computed in float64.
Sources: Torgerson 1952 (classical scaling); de Leeuw 1977 and Borg & Groenen, Modern Multidimensional Scaling,
section 8.6 (SMACOF with the Guttman transform).
"""

import torch
from torch import Tensor

from pipeline.geometry.distances import pairwise_distances


def classical_mds(distances: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return coordinates whose distances approximate `distances`, by the leading three eigenvectors.

    Parameters:
        distances: (..., L, L), angstrom, symmetric.
        mask: (..., L), True for the rows that count; all by default.

    Returns:
        (..., L, 3) float64, centred on the rows that count, zero elsewhere; the mirror image is arbitrary.
    """
    distances = distances.to(torch.float64)
    keep = _keep(distances, mask)
    count = keep.sum(-1, keepdim=True).clamp(min=1)
    squared = torch.where(keep[..., :, None] & keep[..., None, :], distances, 0) ** 2
    row_mean = squared.sum(-1) / count
    total_mean = row_mean.sum(-1, keepdim=True) / count
    gram = -0.5 * (squared - row_mean[..., :, None] - row_mean[..., None, :] + total_mean[..., None])
    gram = torch.where(keep[..., :, None] & keep[..., None, :], gram, 0)
    values, vectors = torch.linalg.eigh(gram)
    if values.shape[-1] < 3:
        raise ValueError(f"three coordinates need at least 3 points, got {values.shape[-1]}")
    return vectors[..., -3:].flip(-1) * values[..., -3:].flip(-1).clamp(min=0).sqrt()[..., None, :]


def smacof(distances: Tensor, start: Tensor, steps: int, mask: Tensor | None = None) -> Tensor:
    """Improve coordinates by stress majorisation with equal weights; the stress never rises.

    Parameters:
        distances: (..., L, L), angstrom.
        start: (..., L, 3), coordinates to begin with.
        steps: iterations.
        mask: (..., L), True for the rows that count; all by default.

    Returns:
        (..., L, 3) float64, centred.
    """
    distances = distances.to(torch.float64)
    keep = _keep(distances, mask)
    pairs = keep[..., :, None] & keep[..., None, :]
    count = keep.sum(-1)[..., None, None].clamp(min=1)
    target = torch.where(pairs, distances, 0)
    coords = start.to(torch.float64)
    for _ in range(steps):
        now = pairwise_distances(coords)
        ratio = torch.where(now > 1e-9, target / now.clamp(min=1e-9), 0)
        coords = (ratio.sum(-1, keepdim=True) * coords - ratio @ coords) / count
    return coords


def stress(distances: Tensor, coords: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the root mean square difference between `distances` and those of `coords`.

    Parameters:
        distances: (..., L, L), angstrom.
        coords: (..., L, 3).
        mask: (..., L), True for the rows that count.

    Returns:
        (...,), angstrom, over the pairs i < j that count.
    """
    keep = _keep(distances, mask)
    pairs = (keep[..., :, None] & keep[..., None, :]).triu(1)
    difference = torch.where(pairs, distances.to(torch.float64) - pairwise_distances(coords.to(torch.float64)), 0)
    return ((difference**2).sum((-2, -1)) / pairs.sum((-2, -1)).clamp(min=1)).sqrt()


def _keep(distances: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones(distances.shape[:-1], dtype=torch.bool, device=distances.device) if mask is None else mask
