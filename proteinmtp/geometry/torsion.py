"""Traces from pseudo-dihedrals: the likeliest course of a chain, samples of it, and its coordinates.

A course is a bin of `proteinmtp.geometry.chirality` for each pseudo-dihedral. Its likelihood is that of a Markov chain:
what is predicted of each dihedral, relative to how often the bin occurs, and how often one bin follows another in the
training chains. The likeliest course is Viterbi's (1967); samples are drawn by forward filtering and backward sampling
(Rabiner 1989; Fruehwirth-Schnatter 1994). Atoms are placed one after the other (Parsons 2005).

Shapes: B chains, N dihedrals of the longest (of L residues L - 3), S states.
"""

import math

import torch
from torch import Tensor

from proteinmtp.geometry.chirality import BINS, PSEUDOCOUNT


def emissions(logits: Tensor, counts: Tensor) -> Tensor:
    """Return ln p(bin) of what is predicted, less that of how often each bin occurs: (B, N, BINS) float64.

    Parameters:
        logits: (B, N, BINS) of each dihedral.
        counts: (BINS, BINS), how often one bin follows another in the training chains.
    """
    often = counts.to(torch.float64).sum(0) + PSEUDOCOUNT
    return logits.to(torch.float64).log_softmax(-1) - (often / often.sum()).log()


def transitions(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln p of each bin, (BINS,), and of each after another, (BINS, BINS), float64."""
    joint = counts.to(torch.float64) + PSEUDOCOUNT
    first = joint.sum(1)
    return (first / first.sum()).log(), (joint / first[:, None]).log()


def likeliest_course(emission: Tensor, counts: Tensor, mask: Tensor) -> Tensor:
    """Return the likeliest course of each chain, (B, N) bins; the last one goes on where nothing counts.

    Parameters:
        emission: (B, N, BINS) nats.
        counts: (BINS, BINS), of the training chains.
        mask: (B, N), True for the dihedrals that count, which come first.
    """
    start, step = transitions(counts)
    size = emission.shape[1]
    best = start + emission[:, 0]
    same = torch.arange(BINS, device=emission.device).expand(len(emission), BINS)
    before = []
    for place in range(1, size):
        value, origin = (best[:, :, None] + step).max(1)
        counted = mask[:, place, None]
        best = torch.where(counted, value + emission[:, place], best)
        before.append(torch.where(counted, origin, same))
    course = [best.argmax(-1)]
    for origin in reversed(before):
        course.append(origin.gather(1, course[-1][:, None])[:, 0])
    return torch.stack(course[::-1], 1)


def sampled_courses(
    emission: Tensor, counts: Tensor, mask: Tensor, *, samples: int, generator: torch.Generator
) -> Tensor:
    """Return courses drawn from the likelihood, (samples, B, N) bins; see `likeliest_course`."""
    start, step = transitions(counts)
    forward = [start + emission[:, 0]]
    for place in range(1, emission.shape[1]):
        value = (forward[-1][:, :, None] + step).logsumexp(1) + emission[:, place]
        forward.append(torch.where(mask[:, place, None], value, forward[-1]))
    chains = len(emission)
    uniform = torch.rand(emission.shape[1], samples, chains, generator=generator, dtype=torch.float64)
    uniform = uniform.to(emission.device)
    course = [_drawn(forward[-1].expand(samples, chains, BINS), uniform[-1])]
    for place in reversed(range(emission.shape[1] - 1)):
        after = course[-1]
        drawn = _drawn(forward[place] + step.T[after], uniform[place])
        course.append(torch.where(mask[:, place + 1], drawn, after))
    return torch.stack(course[::-1], -1)


def _drawn(log_weights: Tensor, uniform: Tensor) -> Tensor:
    """Return a state for each row of (..., S), by the inverse of its distribution at `uniform` (...)."""
    upto = log_weights.softmax(-1).cumsum(-1)
    return (upto < uniform[..., None] * upto[..., -1:]).sum(-1).clamp(max=log_weights.shape[-1] - 1)


def middle_of(bins: Tensor) -> Tensor:
    """Return the middle of bins of pseudo-dihedrals, radians, float64."""
    return (bins.to(torch.float64) + 0.5) * (2 * math.pi / BINS) - math.pi


def turns_around(dihedrals: Tensor, spread: float) -> Tensor:
    """Return ln p of each bin for von Mises distributions around pseudo-dihedrals (..., N): (..., N, BINS).

    Parameters:
        dihedrals: radians.
        spread: about their standard deviation, radians.
    """
    off = middle_of(torch.arange(BINS, device=dihedrals.device)) - dihedrals[..., None]
    return (off.cos() / spread**2).log_softmax(-1)


def virtual_angles(coords: Tensor) -> Tensor:
    """Return the angles at the C-alpha atoms between those before and after: (..., L-2) radians; NaN where unknown."""
    back, on = coords[..., :-2, :] - coords[..., 1:-1, :], coords[..., 2:, :] - coords[..., 1:-1, :]
    cosine = (back * on).sum(-1) / (back.norm(dim=-1) * on.norm(dim=-1))
    angles: Tensor = cosine.clamp(-1, 1).arccos()
    return angles


def build_trace(dihedrals: Tensor, angles: Tensor, bonds: Tensor) -> Tensor:
    """Return the traces with these pseudo-dihedrals, virtual angles and bonds.

    Parameters:
        dihedrals: (..., L-3), radians.
        angles: (..., L-2), radians.
        bonds: (..., L-1), angstrom.

    Returns:
        (..., L, 3) of the dtype of `dihedrals`, the first atom at the origin.
    """
    length = bonds.shape[-1] + 1
    zero = torch.zeros_like(bonds[..., 0])
    direction = torch.stack([zero + 1, zero, zero], -1)
    normal = torch.stack([zero, zero, zero + 1], -1)
    points = [torch.stack([zero, zero, zero], -1)]
    for place in range(length - 1):
        if place:
            bend = (math.pi - angles[..., place - 1])[..., None]
            if place > 1:
                turn = dihedrals[..., place - 2][..., None]
                normal = turn.cos() * normal + turn.sin() * torch.linalg.cross(direction, normal)
            direction = bend.cos() * direction + bend.sin() * torch.linalg.cross(normal, direction)
            # Rounding would grow from atom to atom.
            direction = direction / direction.norm(dim=-1, keepdim=True)
            normal = normal - (normal * direction).sum(-1, keepdim=True) * direction
            normal = normal / normal.norm(dim=-1, keepdim=True)
        points.append(points[-1] + bonds[..., place, None] * direction)
    return torch.stack(points, -2)
