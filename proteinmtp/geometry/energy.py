"""The energy of traces under what is predicted of their distances and turns, in nats; the less the likelier.

    pairs: -ln p(d) / q(d), p predicted and q what is usual at the separation |i-j|, for separations from NEAREST on;
    turns: -ln p(tau) of each pseudo-dihedral, and the virtual angles that go with them;
    bonds, and C-alpha atoms that may not clash.

What is predicted in bins becomes smooth by cubic interpolation (Keys 1981). Pairs that are likely to be nearer than the
last edge of the bins are drawn together from beyond it, where bins say nothing of the way.

Shapes: B chains of up to L residues, P pairs from NEAREST on, S traces of each chain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from proteinmtp.geometry.bins import LAST, place_of
from proteinmtp.geometry.chirality import BINS as TURNS
from proteinmtp.geometry.constants import APART
from proteinmtp.geometry.lbfgs import minimise
from proteinmtp.geometry.mds import laplacian_inverse, squared_distances

NEAREST = 3
"""Least separation of the pairs of the energy; bonds and angles hold those below."""
SMOOTH = 1e-3
"""Added to p and q, so that what hardly ever occurs is neither forbidden nor sought."""
PULL = 0.2
"""Nats per angstrom beyond the last edge, for a pair that is certain to be nearer."""
ANGLE, BOND, CLASH = 10.0, 20.0, 5.0
"""Weights beside a pair: of an angle, in nats; of a bond and a clash, nats per square angstrom."""
ANGLE_SPREAD = 0.2
"""Standard deviation of virtual angles, radians."""
UNSURE_TURN = 0.02
"""Share of a uniform distribution that turns are mixed with."""


@dataclass(frozen=True)
class Stage:
    """A stage of refinement.

    Attributes:
        farthest: largest separation of the pairs that count; None: any.
        steps: at most.
        turn: weight of a turn beside a pair, in nats.
    """

    farthest: int | None
    steps: int
    turn: float


ROUGH = (Stage(11, 40, 20.0), Stage(23, 30, 20.0))
FINE = (Stage(None, 40, 60.0), Stage(None, 70, 7.0))
"""What every start goes through, and what the best of them alone. Turns come first, as helices that begin in the right
hand stay in it: most of all where far pairs begin to pull, which would unwind them. Pairs have the last word."""


class Curves:
    """Smooth curves through the rows of a table (..., N, K), whose values stand at 0, 1, .. K-1.

    Parameters:
        table: (..., N, K).
        periodic: whether K is 0 again; if not, what lies outside has the value of the end, and slope 0.
    """

    def __init__(self, table: Tensor, *, periodic: bool):
        self._size, self._periodic = table.shape[-1], periodic
        ends = (
            (table[..., -1:], table[..., :2])
            if periodic
            else (table[..., :1], table[..., -1:].expand_as(table)[..., :2])
        )
        row = torch.cat([ends[0], table, ends[1]], -1)
        flat = row.flatten()
        # One gathered piece of memory for each place: half the time of four gathered numbers.
        self._windows = flat.as_strided((max(flat.numel() - 3, 0), 4), (1, 1))
        self._starts = (torch.arange(row[..., 0].numel(), device=table.device) * row.shape[-1]).view(row.shape[:-1])

    def __call__(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """Return values and slopes at places (..., n), in bins, of the first n rows."""
        place = at % self._size if self._periodic else at.clamp(0, self._size - 1)
        low = place.floor().clamp(max=self._size - 1)
        t = place - low
        index = low.long() + self._starts[..., : at.shape[-1]]
        a, b, c, d = self._windows.index_select(0, index.flatten()).view(*at.shape, 4).unbind(-1)
        linear, square, cube = (c - a) / 2, a - 2.5 * b + 2 * c - d / 2, 1.5 * (b - c) + (d - a) / 2
        slope = linear + t * (2 * square + 3 * t * cube)
        value = b + t * (linear + t * (square + t * cube))
        return value, slope if self._periodic else torch.where(place == at, slope, 0)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is predicted of B chains.

    Attributes:
        pairs: (B, P, BINS) energy of the pairs of `pair_order` in the middle of each bin of `geometry.bins`, nats.
        pull: (B, P) nats per angstrom beyond the last edge.
        turns: (B, L-3, TURNS) energy of the middle of each bin of the pseudo-dihedrals, nats.
        angles: (B, L-2) virtual angles, radians.
        bonds: (B, L-1) angstrom.
        mask: (B, L), True for the rows that count, which come first.
    """

    pairs: Tensor
    pull: Tensor
    turns: Tensor
    angles: Tensor
    bonds: Tensor
    mask: Tensor


def pair_order(length: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Return the pairs i < j of the energy, nearest separations first: (P,) each."""
    first, second = torch.triu_indices(length, length, NEAREST, device=device)
    order = (second - first).argsort(stable=True)
    return first[order], second[order]


class Energy:
    """The energy of traces (S, B, L, 3) under what is expected, float32."""

    def __init__(self, expected: Expected):
        self.expected = expected
        self.mask = expected.mask
        self.length = self.mask.shape[1]
        self._first, self._second = pair_order(self.length, self.mask.device)
        self._separation = self._second - self._first
        self._pair_curves = Curves(expected.pairs, periodic=False)
        # Vector instructions leave the last numbers of an array to others, whose angles differ in their last bits; so
        # angles are of one chain more, which does not count, and no chain depends on its place.
        bonds, angles, turns, mask = (
            torch.cat([table, torch.zeros_like(table[:1])])
            for table in (expected.bonds, expected.angles, expected.turns, self.mask)
        )
        self._local_mask, self._local_bonds, self._local_angles = mask, bonds, angles
        self._turn_curves = Curves(turns, periodic=True)
        # Where bonds that do not count would be, bonds that turn, so that angles are defined.
        self._filling = torch.eye(3, device=self.mask.device)[torch.arange(self.length - 1) % 3]

    def __call__(self, coords: Tensor, stage: Stage = FINE[-1]) -> Tensor:
        """Return the energy of traces (S, B, L, 3) in a stage, nats: (S, B)."""
        return self.with_gradient(coords.to(torch.float32), stage)[0]

    def with_gradient(self, coords: Tensor, stage: Stage = FINE[-1]) -> tuple[Tensor, Tensor]:
        """Return energies (S, B) in a stage, and gradients (S, B, L, 3)."""
        near, force = self._pairs(coords, self._counted(stage))
        bonds = torch.nn.functional.pad(coords[..., 1:, :] - coords[..., :-1, :], (0, 0, 0, 0, 0, 1))
        bonds = torch.where(self._local_mask[:, 1:, None], bonds, self._filling.to(coords))
        with torch.enable_grad():
            bonds = bonds.detach().requires_grad_()
            local = self._local(bonds, stage.turn)
            (pull,) = torch.autograd.grad(local.sum(), bonds)
        pull = torch.where(self.mask[:, 1:, None], pull[:, :-1], 0)
        force[..., 1:, :] += pull
        force[..., :-1, :] -= pull
        return near + local.detach()[:, :-1], force

    def refine(self, coords: Tensor, stages: Sequence[Stage] = ROUGH + FINE) -> Tensor:
        """Return traces (S, B, L, 3) of less energy, by L-BFGS in stages; zero where nothing counts."""
        traces = (coords * self.mask[..., None]).to(torch.float32)
        for stage in stages:
            traces = self._minimised(traces, stage)
        return traces

    def _counted(self, stage: Stage) -> int:
        return len(self._first) if stage.farthest is None else int((self._separation <= stage.farthest).sum())

    def _minimised(self, traces: Tensor, stage: Stage) -> Tensor:
        shape = traces.shape
        size = shape[0] * shape[1]
        inverse = laplacian_inverse(self._stiffness(stage), self.mask).to(torch.float32)

        def objective(points: Tensor) -> tuple[Tensor, Tensor]:
            energy, gradient = self.with_gradient(points.reshape(shape), stage)
            return energy.flatten(), gradient.reshape(size, -1)

        def precondition(gradient: Tensor) -> Tensor:
            return (inverse @ gradient.reshape(shape)).reshape(size, -1)

        start = traces.reshape(size, -1)
        return minimise(objective, start, steps=stage.steps, precondition=precondition).reshape(shape)

    def _stiffness(self, stage: Stage) -> Tensor:
        """Return how stiffly two atoms hold together, about, (B, L, L)."""
        index = torch.arange(self.length, device=self.mask.device)
        separation = (index[:, None] - index).abs()
        both = self.mask[:, :, None] & self.mask[:, None]
        farthest = self.length if stage.farthest is None else stage.farthest
        stiff = torch.where(separation <= farthest, 0.02, 1e-4)
        stiff = torch.where(separation == 1, 2 * BOND, torch.where(separation == 2, BOND / 2, stiff))
        return torch.where(both & (separation > 0), stiff, 0)

    def _pairs(self, coords: Tensor, counted: int) -> tuple[Tensor, Tensor]:
        expected, first, second = self.expected, self._first[:counted], self._second[:counted]
        there = self.mask[:, second]
        rows = self.mask[..., None].to(coords.dtype)
        centre = coords.sum(-2, keepdim=True) / rows.sum(-2, keepdim=True).clamp(min=1)
        centred = (coords - centre) * rows
        distance = squared_distances(centred)[..., first, second].sqrt()
        place, scale = place_of(distance)
        value, slope = self._pair_curves(place)
        pull = expected.pull[:, :counted]
        beyond = (distance - LAST).clamp(min=0)
        overlap = (APART - distance).clamp(min=0)
        value = value + pull * beyond + CLASH * overlap.square()
        slope = slope * scale + torch.where(beyond > 0, pull, 0) - 2 * CLASH * overlap
        weight = torch.where(there, slope / distance, 0)
        matrix = coords.new_zeros(*coords.shape[:-1], self.length)
        matrix[..., first, second] = weight
        matrix = matrix + matrix.mT
        gradient = matrix.sum(-1, keepdim=True) * centred - matrix @ centred
        return torch.where(there, value, 0).sum(-1), gradient

    def _local(self, bonds: Tensor, weight: float) -> Tensor:
        """Return the energy (S, B+1) of the lengths, angles and weighted dihedrals of bonds (S, B+1, L-1, 3)."""
        mask = self._local_mask
        length = bonds.norm(dim=-1)
        energy = BOND * torch.where(mask[:, 1:], (length - self._local_bonds).square(), 0).sum(-1)
        cosine = -(bonds[..., :-1, :] * bonds[..., 1:, :]).sum(-1) / (length[..., :-1] * length[..., 1:])
        off = (cosine.clamp(-0.9999, 0.9999).arccos() - self._local_angles) / ANGLE_SPREAD
        energy = energy + ANGLE / 2 * torch.where(mask[:, 2:], off.square(), 0).sum(-1)
        one, two, three = bonds[..., :-2, :], bonds[..., 1:-1, :], bonds[..., 2:, :]
        before, after = torch.linalg.cross(one, two), torch.linalg.cross(two, three)
        sine = (torch.linalg.cross(before, after) * two).sum(-1) / length[..., 1:-1]
        dihedral = torch.atan2(sine, (before * after).sum(-1))
        turns: Tensor = _Curve.apply(self._turn_curves, (dihedral / math.pi + 1) * (TURNS / 2) - 0.5)  # type: ignore[no-untyped-call]
        return energy + weight * torch.where(mask[:, 3:], turns, 0).sum(-1)


class _Curve(torch.autograd.Function):
    """Curves, with their slope as the gradient of the place."""

    @staticmethod
    def forward(ctx: Any, curves: Curves, at: Tensor) -> Tensor:
        value, slope = curves(at)
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[None, Tensor]:
        (slope,) = ctx.saved_tensors
        return None, above * slope
