"""Multidimensional scaling: classical, then stress majorisation (SMACOF).

Shapes: (..., L, L) distances in angstrom, (..., L, 3) coordinates. Chains in a batch are padded to the same L; a mask
says which rows count. The arithmetic is in the precision of the distances, float32 or float64.
Sources: Torgerson 1952 (classical scaling); Saad, Numerical Methods for Large Eigenvalue Problems, chapter 5
(subspace iteration); de Leeuw 1977 and Borg & Groenen, Modern Multidimensional Scaling, section 8.6 (SMACOF);
de Leeuw & Heiser 1980 (relaxed updates).
"""

import torch
from torch import Tensor

from pipeline.geometry.distances import pairwise_distances

FULL_SPECTRUM = 48
"""Up to so many residues all eigenvectors are taken: that is as fast there, and exact."""
BLOCK = 12
"""Vectors that are iterated together to find the leading three."""
ROUNDS = 40
RELAXATION = 1.8
"""Length of a SMACOF step in units of the Guttman step; up to 2 the stress cannot rise."""
SMALLEST_SQUARE = 1e-6
"""Squared distances, angstrom^2, below which points count as so far apart."""


def classical_mds(distances: Tensor, mask: Tensor | None = None, dimensions: int = 3) -> Tensor:
    """Return coordinates whose distances approximate `distances`, by the leading eigenvectors.

    Only these are computed, by subspace iteration on the doubly centred squares; where it does not settle
    (no gap after the last of them) and for short chains the whole spectrum is.

    Parameters:
        distances: (..., L, L), angstrom, symmetric.
        mask: (..., L), True for the rows that count; all by default.
        dimensions: D, of the space; at most BLOCK.

    Returns:
        (..., L, D), centred on the rows that count, zero elsewhere; the mirror image is arbitrary.

    Raises:
        ValueError: with fewer rows than dimensions.
    """
    keep = rows_that_count(distances, mask)
    if distances.shape[-1] < dimensions:
        raise ValueError(f"{dimensions} coordinates need at least {dimensions} points, got {distances.shape[-1]}")
    gram = _gram(distances, keep)
    found = None if gram.shape[-1] <= FULL_SPECTRUM else _leading(gram, dimensions)
    if found is None:
        values, vectors = torch.linalg.eigh(gram)
        found = values[..., -dimensions:].flip(-1), vectors[..., -dimensions:].flip(-1)
    coords = found[1] * found[0].clamp(min=0).sqrt()[..., None, :]
    # The largest component of each axis points up, so that the result does not depend on the solver's signs.
    largest = coords.gather(-2, coords.abs().argmax(-2, keepdim=True))
    return torch.where(largest < 0, -coords, coords)


def _gram(distances: Tensor, keep: Tensor) -> Tensor:
    count = keep.sum(-1, keepdim=True).clamp(min=1).to(distances.dtype)
    pairs = keep[..., :, None] & keep[..., None, :]
    squared = torch.where(pairs, distances, 0).square()
    row_mean = squared.sum(-1) / count
    total_mean = row_mean.sum(-1, keepdim=True) / count
    return -0.5 * torch.where(
        pairs, squared - row_mean[..., :, None] - row_mean[..., None, :] + total_mean[..., None], 0
    )


def _leading(gram: Tensor, dimensions: int) -> tuple[Tensor, Tensor] | None:
    """Return the leading eigenvalues (..., D) and vectors (..., L, D), or None if they do not settle.

    Eigenvalues far below zero, which noise brings, do not disturb: Rayleigh-Ritz sorts by value, not by size.
    """
    length = gram.shape[-1]
    index = torch.arange(length, dtype=gram.dtype, device=gram.device)
    start = torch.cos(torch.pi * (index[:, None] + 0.5) * torch.arange(1, BLOCK + 1, device=gram.device) / length)
    tolerance = 10 * torch.finfo(gram.dtype).eps ** 0.5 * 1e-2
    basis = torch.linalg.qr(gram @ start).Q
    for _ in range(ROUNDS):
        image = gram @ (gram @ basis)
        basis = torch.linalg.qr(image).Q
        image = gram @ basis
        values, rotation = torch.linalg.eigh(basis.mT @ image)
        values, rotation = values[..., -dimensions:].flip(-1), rotation[..., -dimensions:].flip(-1)
        vectors = basis @ rotation
        residual = (image @ rotation - vectors * values[..., None, :]).norm(dim=-2).amax(-1)
        if bool((residual <= tolerance * values[..., 0].clamp(min=1e-12)).all()):
            return values, vectors
    return None


def smacof(
    distances: Tensor, start: Tensor, steps: int, mask: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Improve coordinates by stress majorisation; the weighted stress never rises.

    Each step is the Guttman transform X <- V+ B(X) X, lengthened by RELAXATION, the last one alone is plain. V+ is the
    pseudo-inverse of the weights' Laplacian V, found once, as V does not change; with equal weights it is 1/L.

    Parameters:
        distances: (..., L, L), angstrom; where the weight is zero any finite number.
        start: (..., L, D), coordinates to begin with.
        steps: iterations.
        mask: (..., L), True for the rows that count; all by default.
        weights: (..., L, L), symmetric, not negative, and joining all rows that count; equal by default.

    Returns:
        (..., L, D), centred on the rows that count, zero elsewhere.
    """
    keep = rows_that_count(distances, mask)
    pairs = keep[..., :, None] & keep[..., None, :]
    count = keep.sum(-1)[..., None, None].clamp(min=1).to(distances.dtype)
    rows = keep[..., None].to(distances.dtype)
    weighted = distances if weights is None else distances * weights
    weighted = torch.where(pairs, weighted, 0)
    weighted.diagonal(dim1=-2, dim2=-1).zero_()
    inverse = None if weights is None else laplacian_inverse(torch.where(pairs, weights, 0), keep).to(distances.dtype)
    coords = start.to(distances.dtype) * rows
    for step in range(steps):
        coords = (coords - coords.sum(-2, keepdim=True) / count) * rows
        ratio = squared_distances(coords).rsqrt_().mul_(weighted)
        both = ratio @ torch.cat([coords, rows.expand_as(coords[..., :1])], -1)
        gradient = both[..., -1:] * coords - both[..., :-1]
        moved = gradient / count if inverse is None else inverse @ gradient
        relaxation = RELAXATION if step + 1 < steps else 1.0
        coords = coords + relaxation * (moved - coords)
    return (coords - coords.sum(-2, keepdim=True) / count) * rows


def flatten(coords: Tensor) -> Tensor:
    """Return centred coordinates (..., L, D), as they lie along their three longest principal axes: (..., L, 3)."""
    axes = torch.linalg.eigh(coords.mT @ coords).eigenvectors
    return coords @ axes[..., -3:].flip(-1)


def squared_distances(coords: Tensor) -> Tensor:
    """Return squared distances (..., L, L) of points (..., L, D) by one matrix product, at least SMALLEST_SQUARE.

    Faster than differences; the points should be centred, since squares are subtracted.
    """
    norm = coords.square().sum(-1, keepdim=True)
    one = torch.ones_like(norm)
    left = torch.cat([-2 * coords, norm, one], -1)
    right = torch.cat([coords, one, norm], -1)
    return (left @ right.mT).clamp_(min=SMALLEST_SQUARE)


def laplacian_inverse(weights: Tensor, keep: Tensor) -> Tensor:
    """Return the pseudo-inverse of V = diag(sum of w) - w, (V + 11'/n)^-1 - 11'/n, on the rows that count.

    Parameters:
        weights: (..., L, L), symmetric, not negative, joining all rows that count; zero in the other rows.
        keep: (..., L), True for the rows that count.

    Returns:
        (..., L, L) float64, zero in the other rows.
    """
    weights = weights.to(torch.float64)
    weights = weights - torch.diag_embed(weights.diagonal(dim1=-2, dim2=-1))
    pairs = (keep[..., :, None] & keep[..., None, :]).to(torch.float64)
    ones = pairs / keep.sum(-1)[..., None, None].clamp(min=1)
    laplacian = torch.diag_embed(weights.sum(-1) + (~keep).to(torch.float64)) - weights
    # The constant vector has eigenvalue 0; it is given the mean eigenvalue, which keeps the matrix well conditioned.
    scale = (weights.sum((-2, -1)) / keep.sum(-1).clamp(min=1)).clamp(min=1e-12)[..., None, None]
    return (torch.linalg.inv(laplacian + scale * ones) - ones / scale) * pairs


def stress(distances: Tensor, coords: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """Return the root mean square difference between `distances` and those of `coords`.

    Parameters:
        distances: (..., L, L), angstrom; NaN where not known.
        coords: (..., L, 3); NaN where not known.
        mask: (..., L), True for the rows that count; all by default.
        weights: (..., L, L), of the squared differences; equal by default.

    Returns:
        (...,) float64, angstrom, over the pairs i < j that count and are known; NaN if there are none.
    """
    keep = rows_that_count(distances, mask)
    difference = distances.to(torch.float64) - pairwise_distances(coords.to(torch.float64))
    counts = (keep[..., :, None] & keep[..., None, :] & difference.isfinite()).triu(1)
    weight = counts.to(torch.float64) if weights is None else torch.where(counts, weights.to(torch.float64), 0)
    squares = torch.where(counts, difference, 0).square()
    return ((squares * weight).sum((-2, -1)) / weight.sum((-2, -1))).sqrt()


def rows_that_count(distances: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mask (..., L), all True where there is none."""
    return torch.ones(distances.shape[:-1], dtype=torch.bool, device=distances.device) if mask is None else mask


def complete_pairs(mask: Tensor) -> Tensor:
    """Return the pairs (..., L, L) of two different rows that count, for a mask (..., L)."""
    different = ~torch.eye(mask.shape[-1], dtype=torch.bool, device=mask.device)
    return mask[..., :, None] & mask[..., None, :] & different
