"""Handedness of a C-alpha trace.

Distances do not know left from right. Proteins do: the pseudo-dihedral of four consecutive C-alpha atoms is
near +50 degrees in helices and near -170 in strands, rarely the reverse. A histogram of pseudo-dihedrals learned
from training chains gives each trace a log-likelihood ratio against its mirror image, without any look at the
answer.
"""

import math

import torch
from torch import Tensor

BINS = 36
"""Bins of ten degrees from -180 to 180."""

PSEUDOCOUNT = 1.0


def pseudo_dihedrals(coords: Tensor) -> Tensor:
    """Return the dihedral angles of consecutive C-alpha atoms i, i+1, i+2, i+3.

    Parameters:
        coords: (..., L, 3), angstrom; NaN where not observed.

    Returns:
        (..., L-3), radians in [-pi, pi], positive for right-handed turns (IUPAC); NaN where an atom is missing.
    """
    bonds = coords[..., 1:, :] - coords[..., :-1, :]
    b1, b2, b3 = bonds[..., :-2, :], bonds[..., 1:-1, :], bonds[..., 2:, :]
    n1, n2 = torch.linalg.cross(b1, b2), torch.linalg.cross(b2, b3)
    y = (torch.linalg.cross(n1, n2) * b2).sum(-1) / b2.norm(dim=-1)
    return torch.atan2(y, (n1 * n2).sum(-1))


def dihedral_counts(coords: Tensor) -> Tensor:
    """Return the histogram of the pseudo-dihedrals of one chain (L, 3): (BINS,) counts."""
    return torch.bincount(_bins(pseudo_dihedrals(coords)), minlength=BINS)


def mirror_log_ratio(coords: Tensor, counts: Tensor) -> Tensor:
    """Return the log-likelihood of a trace minus that of its mirror image.

    Parameters:
        coords: (L, 3), angstrom; NaN where not observed.
        counts: (BINS,), histogram over the training chains.

    Returns:
        Scalar, nats; negative if the mirror image is the more likely one, 0 if `counts` is empty.
    """
    log_p = (counts.to(torch.float64) + PSEUDOCOUNT).log()
    bins = _bins(pseudo_dihedrals(coords))
    return (log_p[bins] - log_p[BINS - 1 - bins]).sum()


def mirror(coords: Tensor) -> Tensor:
    """Return the mirror image of coordinates (..., 3), reflected at the x-y plane."""
    return coords * coords.new_tensor([1, 1, -1])


def _bins(angles: Tensor) -> Tensor:
    angles = angles[angles.isfinite()]
    return ((angles + math.pi) / (2 * math.pi) * BINS).long().clamp(0, BINS - 1)
