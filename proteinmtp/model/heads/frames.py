"""The frames head: a C-alpha trace in any position, trained with CA-FAPE.

The coordinates are absolute, but the loss compares them in the frames of the residues themselves, so the head may lay
the chain where it likes; and mirror images differ, so it learns the hand too.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.head import PairHead
from proteinmtp.model.prediction import PairPrediction

SCALE = 10.0


class Head(PairHead):
    """Slot states (B, L, H) to coordinates (B, L, 3) in angstrom."""

    GIVES = ("distances", "coords")
    LOSS: ClassVar = {"fape": 1.0, "drmsd": 0.2}

    def __init__(self, hidden_size: int):
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Sequential(
            nn.Linear(hidden_size, 2 * hidden_size), nn.GELU(), nn.Linear(2 * hidden_size, 3, bias=False)
        )

    def fit(self, coords: list[Tensor]) -> None:
        """Do nothing; this head needs no statistics of the training chains."""

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the coordinates and their distances."""
        with torch.autocast(states.device.type, enabled=False):
            coords = SCALE * self.project(self.norm(states.float()))
            return PairPrediction(distances=pairwise_distances(coords), coords=coords)
