"""Gradient refinement: distances whose errors are correlated, bonds, and atoms that may not clash.

The energy of a chain, in units of the variance of its distances, is

    1/2 sum over i < j of  r_ij (P r P)_ij  +  bonds  +  angles  +  clashes  +  bounds,

with r the weighted differences between the model's distances and the given ones. The errors of neighbouring entries of
a predicted matrix are alike: what is wrong for (i, j) is wrong for (i+1, j) too. P is the precision (inverse
correlation) along one axis, so that what the matrix says locally, which such errors leave intact, counts more than
what it says about large shifts: generalised least squares (Aitken 1935). How far errors reach is measured on the
residuals of a first fit, so independent errors give P = 1 and plain least squares.

Restraints: CA(i)-CA(i+1) at TRANS_BOND, or at CIS_BOND before a proline where the prediction is nearer to that;
CA(i)-CA(i+2) within NEXT_BUT_ONE; all others at least APART; pairs known only to be beyond a cap at least there. The
numbers are in `proteinmtp.geometry.constants`.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from proteinmtp.geometry.completion import Pairs
from proteinmtp.geometry.constants import APART, CIS_BOND, NEXT_BUT_ONE, TRANS_BOND
from proteinmtp.geometry.lbfgs import minimise
from proteinmtp.geometry.mds import laplacian_inverse, squared_distances

RESTRAINT = 1.0
"""Weight of bonds, angles and clashes beside a pair of distances."""
BOUND = 0.1
"""Weight of a pair that is known only to be beyond the cap."""
LONGEST_REACH = 4.0
"""Standard deviation, residues, of the widest smoothing that errors are taken to have."""
SURE = 1.0
"""Residual, angstrom, below which restraints count less: they are rules with exceptions, exact distances are not."""
INDEPENDENT = (2.0, 1.0, 0.4, 0.2)
"""Independent part of the errors' variance beside the correlated one; falls from stage to stage, as the narrow
valleys of a stiff problem are found more easily from a softer one."""


@dataclass(frozen=True, kw_only=True)
class Restraints:
    """Energy terms beside the distances; all (B, L, L), symmetric.

    Attributes:
        centre: wanted distance of the pairs with a weight in `bond`, angstrom.
        bond: weight of a neighbour restraint.
        low, high: bounds outside of which a pair costs; angstrom.
        bound: weight of the bounds.
    """

    centre: Tensor
    bond: Tensor
    low: Tensor
    high: Tensor
    bound: Tensor


def bond_lengths(target: Tensor, before_proline: Tensor | None) -> Tensor:
    """Return the restrained CA(i)-CA(i+1) distances (B, L-1), angstrom: trans, or cis before a proline.

    Parameters:
        target: (B, L, L) predicted distances, angstrom.
        before_proline: (B, L) True where the next residue is a proline; None: nowhere.
    """
    predicted = target.diagonal(1, -2, -1)
    trans = torch.full_like(predicted, TRANS_BOND)
    if before_proline is None:
        return trans
    return torch.where(before_proline[..., :-1] & (predicted < (TRANS_BOND + CIS_BOND) / 2), CIS_BOND, trans)


def restraints(pairs: Pairs, *, bonds: Tensor, cap: float | None) -> Restraints:
    """Return the restraints of a batch; see the module.

    Parameters:
        pairs: what is known.
        bonds: (B, L-1) bond lengths, angstrom.
        cap: angstrom, for the pairs known to be beyond it.
    """
    length = pairs.target.shape[-1]
    index = torch.arange(length, device=pairs.target.device)
    separation = (index[:, None] - index).abs()
    both = pairs.mask[..., :, None] & pairs.mask[..., None, :]
    centre = torch.zeros_like(pairs.target)
    centre.diagonal(1, -2, -1).copy_(bonds)
    centre.diagonal(-1, -2, -1).copy_(bonds)
    low = torch.where(separation == 2, NEXT_BUT_ONE[0], APART).to(centre.dtype).expand_as(centre)
    # A cis peptide brings its neighbours nearer too.
    near_cis = (bonds[..., :-1] < TRANS_BOND) | (bonds[..., 1:] < TRANS_BOND)
    low = low.clone()
    for offset in (2, -2):
        diagonal = low.diagonal(offset, -2, -1)
        diagonal.copy_(torch.where(near_cis, APART, diagonal))
    high = torch.where(separation == 2, NEXT_BUT_ONE[1], torch.inf).to(centre.dtype).expand_as(centre)
    bound = RESTRAINT * (both & (separation >= 2)).to(centre.dtype)
    if cap is not None:
        low = torch.where(pairs.beyond, cap, low)
        bound = torch.where(pairs.beyond, BOUND, bound)
    bond = RESTRAINT * (both & (separation == 1)).to(centre.dtype)
    return Restraints(centre=centre, bond=bond, low=low, high=high, bound=bound)


def eased(limits: Restraints, *, residual: Tensor, beyond: Tensor) -> Restraints:
    """Return restraints that count less where the distances are known better than the restraints.

    Parameters:
        limits: restraints.
        residual: (B,) root mean square residual of a fit, angstrom; below SURE the weights fall with its square.
        beyond: (B, L, L) pairs whose bound is data, not a rule, and stays as it is.
    """
    factor = (residual / SURE).square().nan_to_num(1.0).clamp(max=1)[:, None, None].to(limits.bond.dtype)
    return replace(limits, bond=limits.bond * factor, bound=limits.bound * torch.where(beyond, 1, factor))


def refine(pairs: Pairs, start: Tensor, *, limits: Restraints, steps: int, precision: Tensor | None = None) -> Tensor:
    """Return coordinates of less energy, by L-BFGS.

    Parameters:
        pairs: what is known.
        start: (B, L, D), angstrom.
        limits: restraints.
        steps: iterations at most.
        precision: (B, L, L) of the errors along one axis; None: independent errors.

    Returns:
        (B, L, D), centred on the rows that count, zero elsewhere.
    """
    rows = pairs.mask[..., None].to(start.dtype)
    count = rows.sum(-2, keepdim=True).clamp(min=1)
    root = pairs.weights.sqrt()
    # Where only near pairs are known a chain is stiff locally and loose as a whole: the Laplacian's pseudo-inverse, as
    # in SMACOF, moves its parts together.
    laplacian = laplacian_inverse(pairs.weights + limits.bond, pairs.mask) if precision is None else None
    inverse = None if laplacian is None else laplacian.to(start.dtype)

    def precondition(gradient: Tensor) -> Tensor:
        return gradient if inverse is None else (inverse @ gradient.reshape(start.shape)).flatten(1)

    def energy(points: Tensor) -> tuple[Tensor, Tensor]:
        coords = points.reshape(start.shape)
        coords = (coords - coords.sum(-2, keepdim=True) / count) * rows
        distance = squared_distances(coords).sqrt_()
        residual = (distance - pairs.target).mul_(root)
        force = residual if precision is None else precision @ residual @ precision
        value = (force * residual).sum((-2, -1))
        force = force * root
        for weight, off in (
            (limits.bond, distance - limits.centre),
            (limits.bound, distance - distance.clamp(min=limits.low, max=limits.high)),
        ):
            pull = weight * off
            value = value + (pull * off).sum((-2, -1))
            force = force + pull
        force = force / distance
        gradient = force.sum(-1, keepdim=True) * coords - force @ coords
        return 0.25 * value, (gradient * rows).flatten(1)

    coords = minimise(energy, start.flatten(1), steps=steps, precondition=precondition).reshape(start.shape)
    return (coords - coords.sum(-2, keepdim=True) / count) * rows


def error_reach(pairs: Pairs, coords: Tensor) -> Tensor:
    """Return how far errors are alike: the standard deviation, residues, of the Gaussian that smoothed them, (B,).

    White noise smoothed so has the correlation exp(-s^2 / (4 reach^2)) at a shift of s residues; it is measured on the
    residuals at a shift of one.

    Parameters:
        pairs: what is known.
        coords: (B, L, 3) of a fit, angstrom.
    """
    residual = (squared_distances(coords).sqrt_() - pairs.target).mul_(pairs.weights.sqrt())
    index = torch.arange(residual.shape[-1], device=residual.device)
    # Near the diagonal bonds and zero clipping rule, not the errors.
    used = pairs.known & ((index[:, None] - index).abs() > 3)
    residual = torch.where(used, residual, 0)
    both = used[..., :-1] & used[..., 1:]
    products = (residual[..., :-1] * residual[..., 1:]).sum((-2, -1))
    squares = torch.where(both, residual[..., :-1].square() + residual[..., 1:].square(), 0).sum((-2, -1)) / 2
    number = both.sum((-2, -1)).clamp(min=1)
    # Residuals below a hundredth of an angstrom are rounding, which has no shape.
    correlation = (products / (squares + 1e-4 * number)).clamp(1e-9, 1 - 1e-6)
    return (-4 * correlation.log()).rsqrt().clamp(max=LONGEST_REACH)


def error_precision(reach: Tensor, mask: Tensor, *, independent: float) -> Tensor:
    """Return the precision of errors along one axis (B, L, L), scaled to a mean diagonal of 1; identity on padded rows.

    Parameters:
        reach: (B,) residues; see `error_reach`.
        mask: (B, L) rows that count.
        independent: variance of the independent part beside 1 for the correlated part.
    """
    index = torch.arange(mask.shape[-1], dtype=torch.float64, device=mask.device)
    shift = (index[:, None] - index).square()
    both = (mask[..., :, None] & mask[..., None, :]).to(torch.float64)
    correlation = torch.exp(-shift / (4 * reach.to(torch.float64).square().clamp(min=1e-3)[:, None, None])) * both
    identity = torch.eye(mask.shape[-1], dtype=torch.float64, device=mask.device)
    empty = torch.diag_embed((~mask).to(torch.float64))
    inverse: Tensor = torch.linalg.inv(correlation + independent * identity + empty)
    diagonal = torch.where(mask, inverse.diagonal(dim1=-2, dim2=-1), 0).sum(-1) / mask.sum(-1).clamp(min=1)
    return inverse / diagonal[:, None, None] * both + empty
