"""Cross-entropy of the pseudo-dihedrals: which way the chain turns, from the slots themselves.

Distances do not know the hand. What this loss's readout says of each dihedral helps to choose between the two mirror
images of a rebuilt trace.
"""

import math

from torch import Tensor, nn

from proteinmtp.config.whole import LossConfig
from proteinmtp.geometry.chirality import BINS, dihedral_bins
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.prediction import Prediction

NEEDS = ()
FILLS = "dihedral"
WIDTH = 128


class Readout(nn.Sequential):
    """Slot states (B, L, H) to logits (B, L, BINS) of the dihedral of residues i, i+1, i+2, i+3."""

    def __init__(self, hidden_size: int):
        super().__init__(nn.LayerNorm(hidden_size), nn.Linear(hidden_size, WIDTH), nn.GELU(), nn.Linear(WIDTH, BINS))


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over dihedrals of -ln p(bin) / ln BINS, (B,)."""
    assert prediction.dihedral is not None
    found = dihedral_bins(batch.coords)
    logits = prediction.dihedral[:, : found.shape[1]]
    values = nn.functional.cross_entropy(logits.flatten(0, 1), found.flatten().clamp(min=0), reduction="none")
    return masked_mean(values.view_as(found), found >= 0) / math.log(BINS)
