"""The hand of the training chains, by which that of a rebuilt trace is chosen."""

from collections.abc import Iterable

import torch

from proteinmtp.geometry.chirality import BINS, dihedral_counts
from proteinmtp.tables.chains import ChainTrace
from proteinmtp.tables.hand import HandRecord


def hand_of(chains: Iterable[ChainTrace]) -> HandRecord:
    """Return how often one C-alpha pseudo-dihedral follows another, over all chains."""
    counts = torch.zeros(BINS, BINS, dtype=torch.long)
    for chain in chains:
        counts += dihedral_counts(torch.from_numpy(chain.coords))
    return HandRecord(bins=BINS, counts=counts.tolist())
