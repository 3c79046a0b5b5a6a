"""Multidimensional scaling: classical, then stress majorisation (SMACOF).

Shapes: (..., L, L) distances in angstrom, (..., L, 3) coordinates. Chains in a batch are padded to the same L; a mask
says which rows count. The arithmetic is in the precision of the distances, float32 or float64.
Sources: Torgerson 1952 (classical scaling); Saad, Numerical Methods for Large Eigenvalue Problems, chapter 5
(subspace iteration); de Leeuw 1977 and Borg & Groenen, Modern Multidimensional Scaling, section 8.6 (SMACOF),
and, for the acceleration, `proteinmtp.geometry.lbfgs`.
"""

import torch
from torch import Tensor

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lbfgs import minimise

FULL_SPECTRUM = 48
"""Up to so many residues all eigenvectors are taken: that is as fast there, and exact."""
BLOCK = 12
"""Vectors that are iterated together to find the leading three."""
ROUNDS = 40
CONVERGED = 2e-5
"""SMACOF ends for a chain when a step lowers its stress by less than this fraction; far smaller would be rounding."""
ROUGH = 1e-2
"""Residual of the eigenvectors, in units of the first eigenvalue, that is good enough for a start."""
SMALLEST_SQUARE = 1e-6
"""Squared distances, angstrom^2, below which points count as so far apart."""


def classical_mds(
    distances: Tensor, mask: Tensor | None = None, *, dimensions: int = 3, tolerance: float | None = None
) -> Tensor:
    """Return coordinates whose distances approximate `distances`, by the leading eigenvectors.

    Only these are computed, by subspace iteration on the doubly centred squares; where it does not settle
    (no gap after the last of them) and for short chains the whole spectrum is. No chain waits for another of its batch,
    so that each gets the same bits in any company.

    Parameters:
        distances: (..., L, L), angstrom, symmetric.
        mask: (..., L), True for the rows that count; all by default.
        dimensions: D, of the space; at most BLOCK.
        tolerance: residual of the eigenvectors in units of the first eigenvalue; None: a tenth of the root of the
            precision, which is 3e-5 in float32. A start that is improved later needs no more than ROUGH.

    Returns:
        (..., L, D), centred on the rows that count, zero elsewhere; the mirror image is arbitrary.

    Raises:
        ValueError: with fewer rows than dimensions.
    """
    keep = rows_that_count(distances, mask)
    if distances.shape[-1] < dimensions:
        raise ValueError(f"{dimensions} coordinates need at least {dimensions} points, got {distances.shape[-1]}")
    gram = _gram(distances, keep)
    leading = _whole if gram.shape[-1] <= FULL_SPECTRUM else _leading
    values, vectors = leading(gram, dimensions, tolerance)
    coords = vectors * values.clamp(min=0).sqrt()[..., None, :]
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


def _whole(gram: Tensor, dimensions: int, tolerance: float | None) -> tuple[Tensor, Tensor]:
    """Return the leading eigenvalues (..., D) and vectors (..., L, D), of the whole spectrum."""
    values, vectors = torch.linalg.eigh(gram)
    return values[..., -dimensions:].flip(-1), vectors[..., -dimensions:].flip(-1)


def _leading(gram: Tensor, dimensions: int, tolerance: float | None) -> tuple[Tensor, Tensor]:
    """Return the leading eigenvalues (..., D) and vectors (..., L, D).

    Eigenvalues far below zero, which noise brings, do not disturb: Rayleigh-Ritz sorts by value, not by size.
    """
    length = gram.shape[-1]
    index = torch.arange(length, dtype=gram.dtype, device=gram.device)
    start = torch.cos(torch.pi * (index[:, None] + 0.5) * torch.arange(1, BLOCK + 1, device=gram.device) / length)
    if tolerance is None:
        tolerance = 0.1 * torch.finfo(gram.dtype).eps ** 0.5
    basis = torch.linalg.qr(gram @ start).Q
    values = gram.new_zeros(*gram.shape[:-2], dimensions)
    vectors = gram.new_zeros(*gram.shape[:-1], dimensions)
    settled = torch.zeros(gram.shape[:-2], dtype=torch.bool, device=gram.device)
    for _ in range(ROUNDS):
        image = gram @ (gram @ basis)
        basis = torch.linalg.qr(image).Q
        image = gram @ basis
        found, rotation = torch.linalg.eigh(basis.mT @ image)
        found, rotation = found[..., -dimensions:].flip(-1), rotation[..., -dimensions:].flip(-1)
        now = basis @ rotation
        residual = (image @ rotation - now * found[..., None, :]).norm(dim=-2).amax(-1)
        first = ~settled & (residual <= tolerance * found[..., 0].clamp(min=1e-12))
        values = torch.where(first[..., None], found, values)
        vectors = torch.where(first[..., None, None], now, vectors)
        settled |= first
        if bool(settled.all()):
            return values, vectors
    values[~settled], vectors[~settled] = _whole(gram[~settled], dimensions, tolerance)
    return values, vectors


def smacof(
    distances: Tensor, start: Tensor, *, steps: int, mask: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Improve coordinates by stress majorisation, made faster by L-BFGS; the weighted stress never rises.

    The first step is the Guttman transform X <- V+ B(X) X. It is also a step down the gradient V X - B(X) X, measured
    by V+, the pseudo-inverse of the weights' Laplacian V (1/L with equal weights); so the later steps add what the
    earlier ones showed of the curvature. V+ is computed once, as V does not change.

    Parameters:
        distances: (B, L, L) or, for one chain, (L, L), angstrom; where the weight is zero any finite number.
        start: (B, L, D), coordinates to begin with.
        steps: iterations at most.
        mask: (B, L), True for the rows that count; all by default.
        weights: (B, L, L), symmetric, not negative, and joining all rows that count; equal by default.

    Returns:
        (B, L, D), centred on the rows that count, zero elsewhere.
    """
    keep = rows_that_count(distances, mask)
    if distances.ndim == 2:
        alone = None if weights is None else weights[None]
        return smacof(distances[None], start[None], steps=steps, mask=keep[None], weights=alone)[0]
    pairs = complete_pairs(keep)
    rows = keep[..., None].to(distances.dtype)
    count = rows.sum(-2, keepdim=True).clamp(min=1)
    weighted = torch.where(pairs, distances if weights is None else distances * weights, 0)
    weight = None if weights is None else torch.where(pairs, weights, 0)
    inverse = None if weight is None else laplacian_inverse(weight, keep).to(distances.dtype)
    shape = start.shape
    squares = (weighted * torch.where(pairs, distances, 0)).sum((-2, -1), dtype=torch.float64) / 4

    def value(points: Tensor) -> tuple[Tensor, Tensor]:
        """Half the sum of w (d - t)^2 over i < j is t'wt/2 + x'Vx/2 - x'B(x)x, and its gradient Vx - B(x)x."""
        coords = points.reshape(shape)
        ratio = squared_distances(coords).rsqrt_().mul_(weighted)
        both = (torch.cat([coords.mT, rows.mT], -2) @ ratio).mT  # symmetric, and faster from this side
        guttman = both[..., -1:] * coords - both[..., :-1]
        laplacian = count * coords if weight is None else weight.sum(-1, keepdim=True) * coords - weight @ coords
        energy = squares + (coords * (laplacian / 2 - guttman)).sum((-2, -1), dtype=torch.float64)
        return energy, (laplacian - guttman).flatten(1)

    def precondition(gradient: Tensor) -> Tensor:
        moved = gradient.reshape(shape)
        return (moved / count if inverse is None else inverse @ moved).flatten(1)

    coords = start.to(distances.dtype) * rows
    coords = (coords - coords.sum(-2, keepdim=True) / count) * rows
    return minimise(value, coords.flatten(1), steps=steps, precondition=precondition, tolerance=CONVERGED).reshape(
        shape
    )


def flatten(coords: Tensor) -> Tensor:
    """Return centred coordinates (..., L, D), as they lie along their three longest principal axes: (..., L, 3)."""
    dimensions = coords.shape[-1]
    # A matrix product, and the solver for matrices that begin anywhere in memory, have other last bits at other places
    # of a batch, where matrices are so small.
    spread = (coords[..., :, None] * coords[..., None, :]).sum(-3)
    padding = -dimensions % 8
    axes = torch.linalg.eigh(torch.nn.functional.pad(spread, (0, padding, 0, padding))).eigenvectors
    flat: Tensor = coords @ axes[..., :dimensions, -3:].flip(-1)
    return flat


def squared_distances(coords: Tensor) -> Tensor:
    """Return squared distances (..., L, L) of points (..., L, D) by one matrix product, at least SMALLEST_SQUARE.

    Faster than differences; the points should be centred, since squares are subtracted.
    """
    norm = coords.square().sum(-1, keepdim=True)
    one = torch.ones_like(norm)
    left = torch.cat([-2 * coords, norm, one], -1)
    right = torch.cat([coords.mT, one.mT, norm.mT], -2)  # not a transposed view, with which the product takes longer
    return (left @ right).clamp_(min=SMALLEST_SQUARE)


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
    inverse: Tensor = torch.linalg.inv(laplacian + scale * ones) - ones / scale
    return inverse * pairs


def stress(distances: Tensor, coords: Tensor, *, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
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
