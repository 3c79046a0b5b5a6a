"""The coords head: absolute coordinates, the project's first approach, kept as the historical baseline.

The target depends on how a protein happens to lie in its file, which no sequence can tell: the best answer to that is
the mean, and this is why the approach failed.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.model.head import PairHead
from proteinmtp.model.normalisation import Normalisation
from proteinmtp.model.prediction import PairPrediction


class Head(PairHead):
    """Slot states (B, L, H) to coordinates (B, L, 3) in angstrom."""

    GIVES = ("distances", "coords", "scale")
    LOSS: ClassVar = {"coordinates": 1.0}

    def __init__(self, hidden_size: int, *, normalisation: str):
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.GELU(), nn.Linear(hidden_size, 3))
        self.normalisation = Normalisation(normalisation)

    def fit(self, coords: list[Tensor]) -> None:
        """Measure the normalisation on the training chains."""
        self.normalisation.fit(coords)

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the coordinates and their distances."""
        with torch.autocast(states.device.type, enabled=False):
            return self.normalisation.prediction(self.project(self.norm(states.float())), mask)
