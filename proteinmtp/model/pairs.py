"""Pairs of residues: their features, their separation in sequence, and what losses compare.

The features of a pair are the sum and the product of slot features, which do not change when i and j are exchanged,
plus an embedding of the separation |i-j|, without which a head could not even learn that residues close in sequence are
close in space. Everything is in float32.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.batch import Batch
from proteinmtp.model.prediction import PairPrediction
from proteinmtp.model.trunk import Trunk

SCALE = 10.0
"""Angstrom that count as 1 in heads and losses."""

OCTAVES = 8

CHUNK = 4096
"""Pairs of a chain that are computed together. Small pieces stay in the cache: with 8 chains of 400 residues a training
step took a third of the time of all pairs at once."""


def pair_index(length: int, device: torch.device) -> Tensor:
    """Return the pairs i < j of L residues, row by row: (2, P), P = L(L-1)/2."""
    return torch.triu_indices(length, length, 1, device=device)


def packed(matrix: Tensor) -> Tensor:
    """Return the pairs i < j of (B, L, L), row by row: (B, P)."""
    first, second = pair_index(matrix.shape[1], matrix.device)
    return matrix[:, first, second]


def unpacked(values: Tensor, length: int) -> Tensor:
    """Return the symmetric matrices (B, L, L) with zero diagonal whose pairs i < j are `values` (B, P)."""
    first, second = pair_index(length, values.device)
    matrix = values.new_zeros(len(values), length, length)
    matrix[:, first, second] = values
    return matrix + matrix.transpose(1, 2)


class PairReadout(nn.Module):
    """Slot states (B, L, H) to a few numbers for each pair i < j, (B, P, F).

    Without a trunk, pair by pair; a trunk sees the whole map.

    Parameters:
        hidden_size: H.
        features: F.
        width: of the features of a pair.
        max_separation: |i-j| above this share one embedding for each doubling.
        trunk, blocks: what pairs pass through, see `proteinmtp.model.trunk`, or `none`; and how often.
    """

    def __init__(
        self, hidden_size: int, features: int, *, width: int, max_separation: int, trunk: str = "none", blocks: int = 0
    ):
        super().__init__()
        self.exact = max_separation
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Linear(hidden_size, 2 * width)
        self.separation = nn.Embedding(self.buckets, width)
        self.trunk = None if trunk == "none" else Trunk(trunk, width=width, blocks=blocks)
        self.mix = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, features),
        )
        self.offset = nn.Embedding(self.buckets, features)
        nn.init.zeros_(self.offset.weight)

    @property
    def buckets(self) -> int:
        """Number of classes of |i-j|."""
        return self.exact + OCTAVES + 1

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P, F) from slot states (B, L, H) and the mask of the residues (B, L)."""
        summand, factor = self.project(self.norm(states.float())).chunk(2, dim=-1)
        length = states.shape[1]
        first, second = pair_index(length, states.device)
        bucket = self.bucket(second - first)
        if self.trunk is not None:
            square = self.separation(self.bucket(separations(length, states.device)))
            square = square + summand[:, :, None] + summand[:, None] + factor[:, :, None] * factor[:, None]
            pair = self.trunk(square, mask)
            return self._read(pair[:, first, second] + pair[:, second, first], bucket)
        read = [
            self._read(summand[:, i] + summand[:, j] + factor[:, i] * factor[:, j] + self.separation(near), near)
            for i, j, near in zip(*(torch.split(index, CHUNK) for index in (first, second, bucket)), strict=True)
        ]
        return torch.cat(read, dim=1) if read else states.new_zeros(len(states), 0, self.offset.embedding_dim)

    def bucket(self, separation: Tensor) -> Tensor:
        """Return the class of each |i-j|: itself up to `exact`, then one class for each doubling."""
        octave = (separation.clamp(min=1) / self.exact).log2().ceil().clamp(1, OCTAVES).long()
        return torch.where(separation <= self.exact, separation, self.exact + octave)

    def _read(self, pair: Tensor, bucket: Tensor) -> Tensor:
        read: Tensor = self.mix(pair) + self.offset(bucket)
        return read


def separations(length: int, device: torch.device) -> Tensor:
    """Return |i-j|, (L, L)."""
    index = torch.arange(length, device=device)
    return (index[:, None] - index).abs()


def fit_separations(
    coords: list[Tensor], readout: PairReadout, *, values: Callable[[Tensor], Tensor], features: int
) -> tuple[Tensor, Tensor]:
    """Sum a function of the training distances over the pairs of each class of separation.

    Parameters:
        coords: chains (L, 3), NaN where not observed.
        readout: whose classes are meant.
        values: turns distances (N,) into (N, features).
        features: how many.

    Returns:
        (buckets,) number of observed pairs and (buckets, features) sums, float64.
    """
    number = torch.zeros(readout.buckets, dtype=torch.float64)
    total = torch.zeros(readout.buckets, features, dtype=torch.float64)
    for chain in coords:
        distances = packed(pairwise_distances(chain)[None])[0]
        first, second = pair_index(len(chain), chain.device)
        bucket = readout.bucket(second - first)
        known = distances.isfinite()
        number.index_add_(0, bucket[known], torch.ones(int(known.sum()), dtype=torch.float64))
        total.index_add_(0, bucket[known], values(distances[known]).to(torch.float64))
    return number, total


def targets(prediction: PairPrediction, batch: Batch) -> Tensor:
    """Return the true distances (B, L, L), and where they are not known what was predicted, without a gradient."""
    return torch.where(batch.observed_pairs, batch.distances, prediction.distances.detach())


def differences(prediction: PairPrediction, batch: Batch) -> Tensor:
    """Return predicted minus true distances (B, L, L), angstrom; 0, with no gradient, where nothing is known."""
    return torch.where(batch.observed_pairs, prediction.distances - batch.distances.nan_to_num(), 0)
