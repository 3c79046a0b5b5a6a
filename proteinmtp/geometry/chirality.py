"""Handedness of a C-alpha trace.

Distances do not know left from right. Proteins do: the pseudo-dihedral of four consecutive C-alpha atoms is
near +50 degrees in helices and near -170 in strands, rarely the reverse. A histogram of neighbouring pseudo-dihedrals
(each with the next), learned from training chains, gives each trace a log-likelihood ratio against its mirror image,
without any look at the answer.
"""

import math

import torch
from torch import Tensor

BINS = 36
"""Bins of ten degrees from -180 to 180."""

PSEUDOCOUNT = 1.0
"""Added to each bin of the joint histogram, so that what never occurred is not impossible."""

WINDOW = 12
"""Consecutive dihedrals over which the hand of a segment is judged: about two turns of a helix and its surroundings."""

SEGMENT_MARGIN = 0.5
"""Nats per dihedral by which a segment must favour the other hand to be flagged."""


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
    """Return how often one pseudo-dihedral follows another in a chain (L, 3): (BINS, BINS) counts."""
    bins = dihedral_bins(coords)
    first, second = bins[:-1], bins[1:]
    known = (first >= 0) & (second >= 0)
    return torch.bincount(first[known] * BINS + second[known], minlength=BINS * BINS).reshape(BINS, BINS)


def hand_log_ratios(coords: Tensor, counts: Tensor) -> Tensor:
    """Return for each pair of neighbouring pseudo-dihedrals how much likelier it is than its mirror image.

    The likelihood of a trace is that of a chain of dihedrals, each given the one before, from the joint histogram.

    Parameters:
        coords: (..., L, 3), angstrom; NaN where not observed.
        counts: (BINS, BINS), histogram over the training chains.

    Returns:
        (..., max(L-4, 0)) float64, nats, negative where the mirror image is the likelier; 0 where an atom is missing.
    """
    joint = counts.to(torch.float64) + PSEUDOCOUNT
    log_p = (joint / joint.sum(1, keepdim=True)).log()
    bins = dihedral_bins(coords)
    first, second = bins[..., :-1], bins[..., 1:]
    known = (first >= 0) & (second >= 0)
    first, second = first.clamp(min=0), second.clamp(min=0)
    return torch.where(known, log_p[first, second] - log_p[BINS - 1 - first, BINS - 1 - second], 0)


def mirror_log_ratio(coords: Tensor, counts: Tensor) -> Tensor:
    """Return the log-likelihood of a trace minus that of its mirror image; see `hand_log_ratios`.

    Returns:
        (...,) float64, nats; negative if the mirror image is the more likely one, 0 if `counts` is empty.
    """
    return hand_log_ratios(coords, counts).sum(-1)


def predicted_log_ratio(coords: Tensor, logits: Tensor) -> Tensor:
    """Return how much likelier a trace is than its mirror image under predicted pseudo-dihedrals.

    Parameters:
        coords: (..., L, 3), angstrom; NaN where not observed or padded.
        logits: (..., max(L-3, 0), BINS) of each dihedral.

    Returns:
        (...,) float64, nats; negative if the mirror image is the more likely one.
    """
    log_p = logits.to(torch.float64).log_softmax(-1)
    bins = dihedral_bins(coords)[..., None]
    place = bins.clamp(min=0)
    ratios = log_p.gather(-1, place) - log_p.gather(-1, BINS - 1 - place)
    return torch.where(bins >= 0, ratios, 0).sum((-2, -1))


def wrong_hand_fraction(coords: Tensor, counts: Tensor, *, length: Tensor) -> Tensor:
    """Return the fraction of a trace that lies in segments of the other hand.

    A segment is a window of WINDOW consecutive ratios whose mean is below -SEGMENT_MARGIN.

    Parameters:
        coords: (..., L, 3), angstrom, in the hand that was chosen; NaN where not observed or padded.
        counts: (BINS, BINS), histogram over the training chains.
        length: (...,) residues.

    Returns:
        (...,) float64, 0..1: ratios in such windows divided by their number.
    """
    ratios = hand_log_ratios(coords, counts)
    if ratios.shape[-1] < WINDOW:
        return torch.zeros_like(ratios.sum(-1))
    wrong = ratios.unfold(-1, WINDOW, 1).mean(-1) < -SEGMENT_MARGIN
    inside = torch.zeros_like(ratios, dtype=torch.bool)
    for shift in range(WINDOW):
        inside[..., shift : shift + wrong.shape[-1]] |= wrong
    return inside.sum(-1) / (length - 4).clamp(min=1).to(torch.float64)


def mirror(coords: Tensor) -> Tensor:
    """Return the mirror image of coordinates (..., 3), reflected at the x-y plane."""
    return coords * coords.new_tensor([1, 1, -1])


def dihedral_bins(coords: Tensor) -> Tensor:
    """Return the bin of each pseudo-dihedral.

    Parameters:
        coords: (..., L, 3), angstrom; NaN where not observed.

    Returns:
        (..., max(L-3, 0)) 0..BINS-1, -1 where an atom is missing.
    """
    if coords.shape[-2] < 4:
        return coords.new_zeros((*coords.shape[:-2], 0), dtype=torch.long)
    angles = pseudo_dihedrals(coords)
    known = angles.isfinite()
    scaled = (torch.where(known, angles, 0) + math.pi) / (2 * math.pi) * BINS
    return torch.where(known, scaled.long().clamp(0, BINS - 1), -1)
