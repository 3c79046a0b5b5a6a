"""The frames head: a C-alpha trace in any position, trained with CA-FAPE.

The coordinates are absolute, but the loss compares them in the frames of the residues themselves, so the head may lay
the chain where it likes; and mirror images differ, so it learns the hand too.
"""

import torch
from torch import Tensor, nn

from proteinmtp.config.whole import HeadConfig
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.prediction import Prediction

GIVES = ("distances", "coords")
LOSS = {"fape": 1.0, "drmsd": 0.2}
SCALE = 10.0


class Head(nn.Module):
    """Slot states (B, L, H) to coordinates (B, L, 3) in angstrom."""

    def __init__(self, hidden_size: int, config: HeadConfig):
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Sequential(
            nn.Linear(hidden_size, 2 * hidden_size), nn.GELU(), nn.Linear(2 * hidden_size, 3, bias=False)
        )

    def fit(self, coords: list[Tensor]) -> None:
        """Do nothing; this head needs no statistics of the training chains."""

    def forward(self, states: Tensor, mask: Tensor) -> Prediction:
        """Return the coordinates and their distances."""
        with torch.autocast(states.device.type, enabled=False):
            coords = SCALE * self.project(self.norm(states.float()))
            return Prediction(distances=pairwise_distances(coords), coords=coords)
