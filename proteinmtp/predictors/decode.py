"""Traces from a distogram and predicted pseudo-dihedrals: several starts, refined under one energy; the least wins.

Torsion starts follow the likeliest course of the pseudo-dihedrals, which has helices as they are wound; the scaling
start is what `proteinmtp.geometry.rebuild` makes of the distances, which knows more of the fold where distances are
known well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from proteinmtp.geometry.bins import BINS
from proteinmtp.geometry.energy import FINE, PULL, ROUGH, SMOOTH, UNSURE_TURN, Energy, Expected, pair_order
from proteinmtp.geometry.refine import bond_lengths
from proteinmtp.geometry.torsion import build_trace, emissions, likeliest_course, middle_of
from proteinmtp.tables import distogram
from proteinmtp.tables.hand import HandRecord

FAMILIES = ("torsion", "scaling")
"""Of starts, in the order in which they are tried."""

SHORTEST = 5
"""Residues; shorter chains have no two turns."""


@dataclass(frozen=True)
class Usual:
    """What is usual among the training chains.

    Attributes:
        counts: (TURNS, TURNS), how often one pseudo-dihedral follows another.
        angles: (TURNS, 2) virtual angles of the two inner residues of a pseudo-dihedral, radians, float64.
        distances: (separations, BINS) probability of each bin of distance at each separation, float32.
    """

    counts: Tensor
    angles: Tensor
    distances: Tensor

    @classmethod
    def of(cls, hand: HandRecord) -> Self:
        """Return the counts of a record as probabilities; separations that did not occur are like all others."""
        angles = torch.tensor([[np.nan if value is None else value for value in pair] for pair in hand.angles])
        seen = torch.tensor(hand.distances, dtype=torch.float32)
        share = (seen.sum(0) + 1) / (seen.sum() + BINS)
        return cls(
            counts=torch.tensor(hand.counts),
            angles=angles.nan_to_num(float(angles.nanmean().nan_to_num(torch.pi / 2))).double(),
            distances=(seen + share) / (seen.sum(1, keepdim=True) + 1),
        )

    def angles_of(self, turns: Tensor) -> Tensor:
        """Return the mean virtual angles (..., N + 1) for probabilities of the bins of turns (..., N, TURNS)."""
        both = turns.to(torch.float64) @ self.angles
        total = torch.nn.functional.pad(both[..., 0], (0, 1)) + torch.nn.functional.pad(both[..., 1], (1, 0))
        number = torch.full_like(total, 2.0)
        number[..., [0, -1]] = 1
        return total / number


@dataclass(frozen=True)
class Decoded:
    """Decoded chains; rows beyond a chain's length are NaN.

    Attributes:
        coords: (B, L, 3) float64, angstrom.
        energy: (B,) nats.
        family: of the start of each, from `FAMILIES`.
    """

    coords: Tensor
    energy: Tensor
    family: Sequence[str]


def decode(
    distograms: Sequence[np.ndarray],
    dihedral: Tensor,
    *,
    point: Tensor,
    scaled: Tensor,
    mask: Tensor,
    usual: Usual,
    before_proline: Tensor | None,
) -> Decoded:
    """Return the traces of least energy.

    Parameters:
        distograms: of each chain, packed; see `proteinmtp.tables.distogram`.
        dihedral: (B, L-3, TURNS) logits of the pseudo-dihedrals.
        point: (B, L, L) predicted distances, angstrom.
        scaled: (B, L, 3) traces to start from too, NaN in padded rows, angstrom.
        mask: (B, L), True for the rows that count, which come first; L is at least SHORTEST.
        usual: of the training chains.
        before_proline: (B, L) True where the next residue is a proline, or None.
    """
    expected = _expected(distograms, dihedral, bonds=bond_lengths(point, before_proline), mask=mask, usual=usual)
    course = likeliest_course(emissions(dihedral, usual.counts), usual.counts, mask[:, 3:])
    certain = torch.nn.functional.one_hot(course, dihedral.shape[-1])
    wound = build_trace(middle_of(course), usual.angles_of(certain), expected.bonds.double())
    energy = Energy(expected)
    traces = energy.refine(torch.stack([wound, scaled.nan_to_num()]), ROUGH)
    best = energy(traces, ROUGH[-1]).argmin(0)
    chosen = energy.refine(traces[best, torch.arange(len(mask))][None], FINE)
    return Decoded(
        coords=chosen[0].double().masked_fill(~mask[..., None], torch.nan),
        energy=energy(chosen)[0],
        family=[FAMILIES[at] for at in best.tolist()],
    )


def _expected(
    distograms: Sequence[np.ndarray], dihedral: Tensor, *, bonds: Tensor, mask: Tensor, usual: Usual
) -> Expected:
    first, second = pair_order(mask.shape[1])
    pairs = torch.zeros(len(mask), len(first), BINS)
    pull = torch.zeros(len(mask), len(first))
    for row, (packed, length) in enumerate(zip(distograms, mask.sum(1).tolist(), strict=True)):
        own = second < length
        place = first[own] * (2 * length - first[own] - 1) // 2 + second[own] - first[own] - 1
        likely = torch.from_numpy(distogram.unpack(packed, BINS))[place]
        separation = (second - first)[own].clamp(max=len(usual.distances) - 1)
        pairs[row, own] = -((likely + SMOOTH) / (usual.distances[separation] + SMOOTH)).log()
        pull[row, own] = PULL * (1 - likely[:, -1])
    likely = dihedral.double().softmax(-1)
    return Expected(
        pairs=pairs,
        pull=pull,
        turns=-((1 - UNSURE_TURN) * likely + UNSURE_TURN / likely.shape[-1]).log().float(),
        angles=usual.angles_of(likely).float(),
        bonds=bonds.float(),
        mask=mask,
    )
