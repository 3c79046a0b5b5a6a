"""From predicted distances to coordinates in the likelier hand, for a batch of chains.

Completion of the matrix, classical scaling, SMACOF, refinement, and the choice between the two mirror images. A chain's
result does not depend on the others of its batch, to the bit on one CPU thread.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from proteinmtp.config import ReconstructConfig
from proteinmtp.geometry.chirality import mirror, mirror_log_ratio, predicted_log_ratio, wrong_hand_fraction
from proteinmtp.geometry.completion import Pairs, complete, scaling_weights
from proteinmtp.geometry.mds import classical_mds, flatten, smacof, stress
from proteinmtp.geometry.refine import (
    INDEPENDENT,
    bond_lengths,
    eased,
    error_precision,
    error_reach,
    refine,
    restraints,
)

START_DIMENSIONS = 5
"""Of the space in which refinement begins: with axes to spare, a part of the chain in the wrong hand can turn over
instead of staying caught (as in Crippen 1982)."""
START_ROUNDS = 15
"""The start in more dimensions takes so many times the iterations of a stage, if it still gains: an elongated chain of
which only near pairs are known straightens slowly."""
SHORTEST = START_DIMENSIONS
"""Batches are padded to at least so many rows, as scaling wants them."""


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """Rebuilt chains; rows beyond a chain's length are NaN.

    Attributes:
        coords: (B, L, 3) float64, angstrom.
        stress: (B,) root mean square difference from the known distances, angstrom.
        margin: (B,) log-likelihood ratio of the hand taken against its mirror image, nats per residue.
        mixed: (B,) fraction of the chain in segments of the other hand.
        reach: (B,) residues over which errors are alike; NaN where the method does not ask.
    """

    coords: Tensor
    stress: Tensor
    margin: Tensor
    mixed: Tensor
    reach: Tensor


def rebuild(
    distances: Tensor,
    mask: Tensor,
    *,
    counts: Tensor,
    config: ReconstructConfig,
    sigma: Tensor | None = None,
    before_proline: Tensor | None = None,
    dihedral: Tensor | None = None,
) -> Rebuilt:
    """Return coordinates for predicted distances.

    Parameters:
        distances: (B, L, L), angstrom; NaN where nothing is known.
        mask: (B, L), True for the rows that count, which come first.
        counts: (BINS, BINS) pseudo-dihedral histogram of the training chains.
        config: method, steps, cap.
        sigma: (B, L, L), standard deviation of the distances, angstrom, or None.
        before_proline: (B, L) True where the next residue is a proline, or None.
        dihedral: (B, L-3, BINS) logits of predicted pseudo-dihedrals, or None; they join in the choice of the hand.
    """
    short = max(0, SHORTEST - distances.shape[-1])
    if short:
        distances, mask = torch.nn.functional.pad(distances, (0, short, 0, short)), _padded(mask, short)
        sigma = None if sigma is None else torch.nn.functional.pad(sigma, (0, short, 0, short))
        before_proline = None if before_proline is None else _padded(before_proline, short)
    sigma = None if sigma is None else sigma.to(torch.float32)
    pairs = complete(distances.to(torch.float32), mask=mask, cap=config.cap, sigma=sigma)
    reach = torch.full(mask.shape[:1], torch.nan, dtype=torch.float64, device=mask.device)
    refined = config.method in ("gradient", "energy")
    dimensions = START_DIMENSIONS if refined else 3
    coords = classical_mds(pairs.target, mask, dimensions=dimensions)
    if config.method != "mds":
        coords = _scaled(pairs, coords, steps=config.smacof_steps)
    if refined:
        coords, reach = _refined(pairs, coords, config=config, before_proline=before_proline)
    coords = coords.to(torch.float64).masked_fill(~mask[..., None], torch.nan)
    ratio = mirror_log_ratio(coords, counts)
    if dihedral is not None:
        ratio = ratio + predicted_log_ratio(coords[:, : dihedral.shape[1] + 3], dihedral)
    coords = torch.where((ratio >= 0)[:, None, None], coords, mirror(coords))
    count = mask.sum(-1)
    length = coords.shape[1] - short
    return Rebuilt(
        coords=coords[:, :length],
        stress=_residual(pairs, coords),
        margin=ratio.abs() / count,
        mixed=wrong_hand_fraction(coords, counts, length=count),
        reach=reach,
    )


def judged(coords: Tensor, distances: Tensor, *, mask: Tensor, counts: Tensor, reach: Tensor) -> Rebuilt:
    """Return chains that were rebuilt elsewhere, in the hand that they have.

    Parameters:
        coords: (B, L, 3) float64, angstrom; NaN beyond a chain's length.
        distances: (B, L, L), angstrom; NaN where nothing is known.
        mask, counts: as for `rebuild`.
        reach: (B,), see `Rebuilt`.
    """
    count = mask.sum(-1)
    return Rebuilt(
        coords=coords,
        stress=stress(distances, coords, mask=mask),
        margin=mirror_log_ratio(coords, counts) / count,
        mixed=wrong_hand_fraction(coords, counts, length=count),
        reach=reach,
    )


def _refined(
    pairs: Pairs, coords: Tensor, *, config: ReconstructConfig, before_proline: Tensor | None
) -> tuple[Tensor, Tensor]:
    limits = restraints(pairs, bonds=bond_lengths(pairs.target, before_proline), cap=config.cap)
    steps = config.gradient_steps
    folded = flatten(refine(pairs, coords, limits=limits, steps=START_ROUNDS * steps))
    coords = refine(pairs, folded, limits=limits, steps=steps)
    reach = torch.full(coords.shape[:1], torch.nan, dtype=torch.float64, device=coords.device)
    for independent in INDEPENDENT if config.correlated_errors else ():
        reach = error_reach(pairs, coords).to(torch.float64)
        precision = error_precision(reach, pairs.mask, independent=independent).to(coords.dtype)
        softer = eased(limits, residual=_residual(pairs, coords), beyond=pairs.beyond)
        coords = refine(pairs, coords, limits=softer, steps=steps, precision=precision)
    return coords, reach


def _scaled(pairs: Pairs, start: Tensor, *, steps: int) -> Tensor:
    """Return coordinates after SMACOF.

    Chains whose pairs all weigh the same, for which no matrix is inverted, go apart from the others, whose company
    would else change their last bits.
    """
    weights, alike = scaling_weights(pairs)
    coords = torch.empty_like(start)
    for chosen, given in ((alike, None), (~alike, weights)):
        if bool(chosen.any()):
            coords[chosen] = smacof(
                pairs.target[chosen],
                start[chosen],
                steps=steps,
                mask=pairs.mask[chosen],
                weights=None if given is None else given[chosen],
            )
    return coords


def _residual(pairs: Pairs, coords: Tensor) -> Tensor:
    return stress(torch.where(pairs.known, pairs.target, torch.nan), coords, mask=pairs.mask)


def _padded(mask: Tensor, rows: int) -> Tensor:
    return torch.nn.functional.pad(mask, (0, rows), value=False)
