"""The distance head: a symmetric matrix of C-alpha distances by regression.

The features of a pair are the sum and the product of slot features, which do not change when i and j are
exchanged, plus an embedding of the separation |i-j|, without which the head could not even learn that residues
close in sequence are close in space. Only the upper triangle is computed, in float32.
"""

import torch
from torch import Tensor, nn

from pipeline.config import HeadConfig, LossConfig
from pipeline.model.batch import Batch, Decoded, masked_mean
from pipeline.model.losses import elementwise

SCALE = 10.0
"""Angstrom that count as 1 inside the head."""

OCTAVES = 8

ROWS = 32
"""Rows of the matrix that are computed together, from the diagonal to the right. Half the work in small pieces made a
training step three to four times as fast as the whole square (batch 8, 200 and 400 residues, one core)."""


class Head(nn.Module):
    """Slot states (B, L, H) to distances (B, L, L) in angstrom."""

    def __init__(self, hidden_size: int, config: HeadConfig):
        super().__init__()
        self.exact = config.max_separation
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Linear(hidden_size, 2 * config.width)
        self.separation = nn.Embedding(self.exact + OCTAVES + 1, config.width)
        self.mix = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.width),
            nn.GELU(),
            nn.Linear(config.width, config.width),
            nn.GELU(),
            nn.Linear(config.width, 1),
        )
        self.offset = nn.Embedding(self.exact + OCTAVES + 1, 1)
        nn.init.zeros_(self.offset.weight)

    def fit(self, coords: list[Tensor]) -> None:
        """Do nothing; this head needs no statistics of the training chains."""

    def forward(self, states: Tensor) -> Tensor:
        """Return distances (B, L, L) from slot states (B, L, H): symmetric, not negative, zero diagonal."""
        with torch.autocast(states.device.type, enabled=False):
            summand, factor = self.project(self.norm(states.float())).chunk(2, dim=-1)
            length = states.shape[1]
            bucket = self._buckets(length, states.device)
            blocks = []
            for first in range(0, length, ROWS):
                rows, columns = slice(first, first + ROWS), slice(first, None)
                near = bucket[rows, columns]
                pair = summand[:, rows, None] + summand[:, None, columns]
                pair = pair + factor[:, rows, None] * factor[:, None, columns] + self.separation(near)
                raw = (self.mix(pair) + self.offset(near)).squeeze(-1)
                blocks.append(nn.functional.pad(raw, (first, 0)))
            upper = torch.cat(blocks, dim=1).triu(1)
            return SCALE * nn.functional.softplus(upper + upper.transpose(1, 2)) * (bucket > 0)

    def loss(self, output: Tensor, batch: Batch, config: LossConfig) -> Tensor:
        """Return the mean loss over the observed pairs of each chain, (B,)."""
        return masked_mean(elementwise(config, output, batch.distances, SCALE), batch.observed_pairs)

    def decode(self, output: Tensor) -> Decoded:
        """Return the distances."""
        return Decoded(distances=output)

    def _buckets(self, length: int, device: torch.device) -> Tensor:
        """Return (L, L): |i-j| itself up to `exact`, then one bucket for each doubling."""
        index = torch.arange(length, device=device)
        separation = (index[:, None] - index).abs()
        octave = (separation.clamp(min=1) / self.exact).log2().ceil().clamp(1, OCTAVES).long()
        return torch.where(separation <= self.exact, separation, self.exact + octave)
