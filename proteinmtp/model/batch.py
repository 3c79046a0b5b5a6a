"""Batches of chains. Shapes: B chains, L residues of the longest chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from proteinmtp.tables import triangle
from proteinmtp.tables.chains import Chain


class OnDevice(Protocol):
    """A batch of any kind."""

    def to(self, device: torch.device) -> Self:
        """Return this batch on another device."""


@dataclass(frozen=True, kw_only=True)
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
        return Batch(
            residues=self.residues.to(device),
            lengths=self.lengths.to(device),
            coords=self.coords.to(device),
            distances=self.distances.to(device),
        )


def collate(chains: Sequence[Chain], tokens: Sequence[Sequence[int]]) -> Batch:
    """Pad chains and their token ids to a batch.

    Distances are computed from the coordinates, or taken from the stored triangles where the chains have them.
    """
    longest = max(len(chain) for chain in chains)
    residues = torch.zeros(len(chains), longest, dtype=torch.long)
    coords = torch.full((len(chains), longest, 3), torch.nan)
    for row, (chain, ids) in enumerate(zip(chains, tokens, strict=True)):
        residues[row, : len(chain)] = torch.tensor(ids)
        coords[row, : len(chain)] = torch.from_numpy(chain.coords)
    stored = [chain.triu for chain in chains if chain.triu is not None]
    if len(stored) == len(chains):
        distances = torch.full((len(chains), longest, longest), torch.nan)
        for row, (chain, triu) in enumerate(zip(chains, stored, strict=True)):
            distances[row, : len(chain), : len(chain)] = torch.from_numpy(triangle.unpack(triu, len(chain)))
    else:
        # As `pairwise_distances`, which for gradients keeps the (B, L, L, 3) differences and takes four times as long.
        distances = torch.cdist(coords, coords, compute_mode="donot_use_mm_for_euclid_dist")
    lengths = torch.tensor([len(chain) for chain in chains])
    return Batch(residues=residues, lengths=lengths, coords=coords, distances=distances)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return for each chain (first dimension) the mean of `values` where `mask` is True; 0 where nothing counts."""
    values = torch.where(mask, values, 0).flatten(1).sum(1)
    return values / mask.flatten(1).sum(1).clamp(min=1)
