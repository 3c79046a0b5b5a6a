"""Batches of chains. Shapes: B chains, L residues of the longest chain."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from proteinmtp.tables.reader import ChainRecord
from proteinmtp.geometry.distances import pairwise_distances, unpack_upper


@dataclass(frozen=True)
class Batch:
    """Chains padded on the right to the longest.

    Attributes:
        residues: (B, L) token ids, 0 in the padding.
        lengths: (B,) residues of each chain.
        coords: (B, L, 3) angstrom, NaN where not observed and in the padding.
        distances: (B, L, L) angstrom, NaN likewise.
    """

    residues: Tensor
    lengths: Tensor
    coords: Tensor
    distances: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, L), True for residues, False in the padding."""
        return torch.arange(self.residues.shape[1], device=self.residues.device) < self.lengths[:, None]

    @property
    def observed(self) -> Tensor:
        """(B, L), True where a residue has coordinates."""
        return self.coords.isfinite().all(-1)

    @property
    def observed_pairs(self) -> Tensor:
        """(B, L, L), True where both residues of a pair i != j have coordinates."""
        off_diagonal = ~torch.eye(self.coords.shape[1], dtype=torch.bool, device=self.coords.device)
        return self.distances.isfinite() & off_diagonal

    def to(self, device: torch.device) -> "Batch":
        """Return this batch on another device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def collate(chains: Sequence[ChainRecord], tokens: Sequence[Sequence[int]]) -> Batch:
    """Pad chains and their token ids to a batch.

    Distances are computed from the coordinates, or taken from the stored triangles where the chains have them.
    """
    longest = max(len(chain) for chain in chains)
    residues = torch.zeros(len(chains), longest, dtype=torch.long)
    coords = torch.full((len(chains), longest, 3), torch.nan)
    for row, (chain, ids) in enumerate(zip(chains, tokens, strict=True)):
        residues[row, : len(chain)] = torch.tensor(ids)
        coords[row, : len(chain)] = torch.from_numpy(chain.coords)
    if all(chain.triu is not None for chain in chains):
        distances = torch.full((len(chains), longest, longest), torch.nan)
        for row, chain in enumerate(chains):
            matrix = unpack_upper(np.asarray(chain.triu, dtype=np.float32), len(chain))
            distances[row, : len(chain), : len(chain)] = torch.from_numpy(matrix)
    else:
        distances = pairwise_distances(coords)
    return Batch(residues, torch.tensor([len(chain) for chain in chains]), coords, distances)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return for each chain (first dimension) the mean of `values` where `mask` is True; 0 where nothing counts."""
    values = torch.where(mask, values, 0).flatten(1).sum(1)
    return values / mask.flatten(1).sum(1).clamp(min=1)
