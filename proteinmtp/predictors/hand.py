"""What is usual among the training chains, by which traces are rebuilt and their hand is chosen."""

from collections.abc import Iterable

import torch
from torch import Tensor

from proteinmtp.geometry import bins
from proteinmtp.geometry.chirality import BINS, dihedral_bins, dihedral_counts
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.torsion import virtual_angles
from proteinmtp.tables.chains import ChainTrace
from proteinmtp.tables.hand import HandRecord

FARTHEST = 512
"""Separations from here on are counted as one."""


def hand_of(chains: Iterable[ChainTrace]) -> HandRecord:
    """Return what is usual, over all chains."""
    counts = torch.zeros(BINS, BINS, dtype=torch.long)
    angles, number = torch.zeros(BINS, 2, dtype=torch.float64), torch.zeros(BINS, dtype=torch.float64)
    distances = torch.zeros((FARTHEST + 1) * bins.BINS, dtype=torch.long)
    for chain in chains:
        coords = torch.from_numpy(chain.coords.astype("float64"))
        counts += dihedral_counts(coords)
        _add_angles(coords, angles, number)
        distances += _distance_counts(coords)
    return HandRecord(
        bins=BINS,
        counts=counts.tolist(),
        angles=[
            [value / times if times else None for value in pair]
            for pair, times in zip(angles.tolist(), number.tolist(), strict=True)
        ],
        distances=distances.reshape(FARTHEST + 1, bins.BINS).tolist(),
    )


def _add_angles(coords: Tensor, total: Tensor, number: Tensor) -> None:
    turns = dihedral_bins(coords)
    known = turns >= 0
    both = virtual_angles(coords).unfold(-1, 2, 1)[known]
    total.index_add_(0, turns[known], both)
    number += torch.bincount(turns[known], minlength=BINS)


def _distance_counts(coords: Tensor) -> Tensor:
    first, second = torch.triu_indices(len(coords), len(coords), 1)
    apart = pairwise_distances(coords)[first, second]
    known = apart.isfinite()
    place = (second - first).clamp(max=FARTHEST)[known] * bins.BINS + bins.bin_of(apart[known])
    return torch.bincount(place, minlength=(FARTHEST + 1) * bins.BINS)
