"""One minus a smooth lDDT of the distances: sigmoids in place of the thresholds (Abramson 2024, algorithm 27).

Like lDDT it asks only about pairs that are within 15 angstrom in the experiment, and does not punish being near where
one should be far: it is a companion of another loss.
"""

import torch
from torch import Tensor

from proteinmtp.geometry.constants import LDDT_RADIUS, LDDT_THRESHOLDS
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import differences
from proteinmtp.model.prediction import PairPrediction


class Loss(PairLoss):
    """How many near distances are kept."""

    NEEDS = ("distances",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return 1 - mean of sigmoid(t - |d - d*|) over pairs with d* < 15 A and over thresholds t, (B,); 0 without."""
        off = differences(prediction, batch).abs()[..., None]
        kept = torch.sigmoid(off.new_tensor(LDDT_THRESHOLDS) - off).mean(-1)
        return masked_mean(1 - kept, batch.observed_pairs & (batch.distances < LDDT_RADIUS))
