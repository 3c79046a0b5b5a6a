"""Cross-entropy of the pseudo-dihedrals: which way the chain turns, from the slots themselves.

Distances do not know the hand. What this loss's readout says of each dihedral helps to choose between the two mirror
images of a rebuilt trace.
"""

import math

from torch import Tensor, nn

from proteinmtp.geometry.chirality import BINS, dihedral_bins
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.loss import Readout as ReadoutBase
from proteinmtp.model.prediction import PairPrediction

WIDTH = 128


class Readout(ReadoutBase):
    """Slot states (B, L, H) to logits (B, L, BINS) of the dihedral of residues i, i+1, i+2, i+3."""

    def __init__(self, hidden_size: int):
        super().__init__(hidden_size)
        self.layers = nn.Sequential(
            nn.LayerNorm(hidden_size), nn.Linear(hidden_size, WIDTH), nn.GELU(), nn.Linear(WIDTH, BINS)
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return logits (B, L, BINS)."""
        logits: Tensor = self.layers(states)
        return logits


class Loss(PairLoss):
    """How likely the readout finds each dihedral."""

    NEEDS = ()
    READOUT = Readout

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over dihedrals of -ln p(bin) / ln BINS, (B,)."""
        bins = dihedral_bins(batch.coords)
        logits = prediction.readouts["dihedral"][:, : bins.shape[1]]
        values = nn.functional.cross_entropy(logits.flatten(0, 1), bins.flatten().clamp(min=0), reduction="none")
        return masked_mean(values.view_as(bins), bins >= 0) / math.log(BINS)
