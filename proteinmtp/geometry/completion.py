"""Distances as they come, made into what scaling can use: symmetric, not negative, complete.

A predicted matrix need not be a metric: it may differ from its transpose, have negative or missing entries, or know
only that a pair lies beyond the head's largest distance. Unknown pairs get the length of the shortest path over the
known ones, an upper bound of the distance, at a low weight.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.geometry.mds import complete_pairs, rows_that_count

PATH_WEIGHT = 0.02
"""Weight of a completed pair beside 1 for a known one."""
WEIGHT_RANGE = 10.0
"""Weights from predicted errors stay within this factor of their median."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What is known of the distances of B chains padded to L residues.

    Attributes:
        target: (B, L, L) angstrom, complete, symmetric, zero diagonal.
        known: (B, L, L) True where the distance was given; never on the diagonal or in padded rows.
        beyond: (B, L, L) True where it is known only to be at least the cap.
        weights: (B, L, L) of the known pairs, mean 1 over them; 0 elsewhere.
        equal: True if all known weights are the same.
        mask: (B, L) rows that count.
    """

    target: Tensor
    known: Tensor
    beyond: Tensor
    weights: Tensor
    equal: bool
    mask: Tensor


def complete(
    distances: Tensor, *, mask: Tensor | None = None, cap: float | None = None, sigma: Tensor | None = None
) -> Pairs:
    """Return symmetric, complete distances with weights.

    Parameters:
        distances: (B, L, L), angstrom; NaN where nothing is known. (i, j) and (j, i) are averaged, negative values
            become 0.
        mask: (B, L), True for the rows that count; all by default.
        cap: angstrom; distances from here on say only that a pair is at least so far apart. None: all are taken as
            they are.
        sigma: (B, L, L), standard deviation of the distances, angstrom; the weight is 1/sigma^2. None: equal weights.
    """
    keep = rows_that_count(distances, mask)
    pairs = complete_pairs(keep)
    target = _symmetric(distances).clamp(min=0)
    given = pairs & target.isfinite()
    beyond = given & (target >= cap) if cap is not None else torch.zeros_like(given)
    known = given & ~beyond
    target = torch.where(known, target, torch.inf if bool((pairs & ~known).any()) else 0)
    if bool((pairs & ~known).any()):
        target = _paths(target, pairs=pairs, known=known, beyond=beyond, cap=cap)
    weights = known.to(target.dtype) if sigma is None else _weights(_symmetric(sigma), known)
    return Pairs(target=target, known=known, beyond=beyond, weights=weights, equal=sigma is None, mask=keep)


def scaling_weights(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Return the weights (B, L, L) of pairs for SMACOF, completed ones at PATH_WEIGHT, and (B,) who has equal ones."""
    missing = complete_pairs(pairs.mask) & ~pairs.known
    alike = ~missing.flatten(1).any(-1) if pairs.equal else missing.new_zeros(len(missing))
    return torch.where(missing, PATH_WEIGHT, pairs.weights), alike


def _symmetric(matrix: Tensor) -> Tensor:
    """Return the mean of a matrix and its transpose; where one is NaN, the other."""
    other = matrix.mT
    return torch.where(matrix.isnan(), other, torch.where(other.isnan(), matrix, (matrix + other) / 2))


def _weights(sigma: Tensor, known: Tensor) -> Tensor:
    variance = torch.where(known & sigma.isfinite(), sigma, torch.nan).square()
    median = variance.flatten(1).nanmedian(-1).values.nan_to_num(1.0).clamp(min=1e-6)[:, None, None]
    weights = (median / torch.where(variance.isnan(), median, variance)).nan_to_num(1.0)
    weights = torch.where(known, weights.clamp(1 / WEIGHT_RANGE, WEIGHT_RANGE), 0)
    mean = weights.sum((-2, -1)) / known.sum((-2, -1)).clamp(min=1)
    return weights / mean.clamp(min=1e-6)[:, None, None]


def _paths(target: Tensor, *, pairs: Tensor, known: Tensor, beyond: Tensor, cap: float | None) -> Tensor:
    """Return `target` with unknown pairs at their shortest path (Floyd 1962), at least the cap if beyond."""
    paths = target.clone()
    paths.diagonal(dim1=-2, dim2=-1).zero_()
    # Neighbours are joined whatever is known, so that no part of a chain hangs in the air.
    step = paths.diagonal(1, -2, -1)
    joined = pairs.diagonal(1, -2, -1)
    step.copy_(torch.where(joined & step.isinf(), TRANS_BOND, step))
    paths = torch.minimum(paths, paths.mT)
    for middle in range(paths.shape[-1]):
        through = paths[..., :, middle, None] + paths[..., middle, None, :]
        torch.minimum(paths, through, out=paths)
    if cap is not None:
        paths = torch.where(beyond, paths.clamp(min=cap), paths)
    # A row that nothing joins to the others (one observed residue between gaps) stays at the origin of its block.
    longest = torch.where(paths.isfinite(), paths, 0).amax((-2, -1), keepdim=True)
    paths = torch.where(paths.isfinite(), paths, longest)
    return torch.where(known, target, torch.where(pairs, paths, 0))
