"""Pairs of residues: their features, their separation in sequence, and what losses compare.

The features of a pair are the sum and the product of slot features, which do not change when i and j are exchanged,
plus an embedding of the separation |i-j|, without which a head could not even learn that residues close in sequence are
close in space. Everything is in float32.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pipeline.config import HeadConfig
from pipeline.geometry.distances import pairwise_distances
from pipeline.model.batch import Batch
from pipeline.model.prediction import Prediction
from pipeline.model.trunk import Trunk

SCALE = 10.0
"""Angstrom that count as 1 in heads and losses."""

OCTAVES = 8

ROWS = 32
"""Rows of the matrix that are computed together, from the diagonal to the right. Half the work in small pieces made a
training step three to four times as fast as the whole square (batch 8, 200 and 400 residues, one core)."""


class PairReadout(nn.Module):
    """Slot states (B, L, H) to a few numbers for each pair (B, L, L, F), symmetric.

    Without a trunk only the upper triangle is computed, in blocks; with one, the square.

    Parameters:
        hidden_size: H.
        config: width, separations and trunk.
        features: F.
    """

    def __init__(self, hidden_size: int, config: HeadConfig, features: int):
        super().__init__()
        self.exact = config.max_separation
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Linear(hidden_size, 2 * config.width)
        self.separation = nn.Embedding(self.buckets, config.width)
        self.trunk = None if config.trunk == "none" else Trunk(config.trunk, config.width, config.blocks)
        self.mix = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.width),
            nn.GELU(),
            nn.Linear(config.width, config.width),
            nn.GELU(),
            nn.Linear(config.width, features),
        )
        self.offset = nn.Embedding(self.buckets, features)
        nn.init.zeros_(self.offset.weight)

    @property
    def buckets(self) -> int:
        """Number of classes of |i-j|."""
        return self.exact + OCTAVES + 1

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return (B, L, L, F) from slot states (B, L, H) and the mask of the residues (B, L)."""
        summand, factor = self.project(self.norm(states.float())).chunk(2, dim=-1)
        length = states.shape[1]
        bucket = self.bucket(length, states.device)
        if self.trunk is not None:
            pair = self.trunk(_pair(summand, factor, slice(0, None), slice(0, None)) + self.separation(bucket), mask)
            return self._read(0.5 * (pair + pair.transpose(1, 2)), bucket)
        blocks = []
        for first in range(0, length, ROWS):
            rows, columns = slice(first, first + ROWS), slice(first, None)
            near = bucket[rows, columns]
            read = self._read(_pair(summand, factor, rows, columns) + self.separation(near), near)
            blocks.append(nn.functional.pad(read, (0, 0, first, 0)))
        upper = torch.cat(blocks, dim=1) * torch.ones_like(bucket).triu()[..., None]
        below = torch.ones_like(bucket).tril(-1).bool()[..., None]
        return torch.where(below, upper.transpose(1, 2), upper)

    def bucket(self, length: int, device: torch.device) -> Tensor:
        """Return (L, L): |i-j| itself up to `exact`, then one bucket for each doubling."""
        separation = separations(length, device)
        octave = (separation.clamp(min=1) / self.exact).log2().ceil().clamp(1, OCTAVES).long()
        return torch.where(separation <= self.exact, separation, self.exact + octave)

    def _read(self, pair: Tensor, bucket: Tensor) -> Tensor:
        return self.mix(pair) + self.offset(bucket)


def _pair(summand: Tensor, factor: Tensor, rows: slice, columns: slice) -> Tensor:
    return summand[:, rows, None] + summand[:, None, columns] + factor[:, rows, None] * factor[:, None, columns]


def separations(length: int, device: torch.device) -> Tensor:
    """Return |i-j|, (L, L)."""
    index = torch.arange(length, device=device)
    return (index[:, None] - index).abs()


def fit_separations(
    coords: list[Tensor], readout: PairReadout, values: Callable[[Tensor], Tensor], features: int
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
        distances = pairwise_distances(chain).triu(1).flatten()
        bucket = readout.bucket(len(chain), chain.device).flatten()
        known = distances.isfinite() & (distances > 0)
        number.index_add_(0, bucket[known], torch.ones(int(known.sum()), dtype=torch.float64))
        total.index_add_(0, bucket[known], values(distances[known]).to(torch.float64))
    return number, total


def targets(prediction: Prediction, batch: Batch) -> Tensor:
    """Return the true distances (B, L, L), and where they are not known what was predicted, without a gradient."""
    return torch.where(batch.observed_pairs, batch.distances, prediction.distances.detach())


def differences(prediction: Prediction, batch: Batch) -> Tensor:
    """Return predicted minus true distances (B, L, L), angstrom; 0, with no gradient, where nothing is known."""
    return torch.where(batch.observed_pairs, prediction.distances - batch.distances.nan_to_num(), 0)
