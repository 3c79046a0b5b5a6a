"""One minus a smooth lDDT of the distances: sigmoids in place of the thresholds (Abramson 2024, algorithm 27).

Like lDDT it asks only about pairs that are within 15 angstrom in the experiment, and does not punish being near where
one should be far: it is a companion of another loss.
"""

import torch
from torch import Tensor

from proteinmtp.config.whole import LossConfig
from proteinmtp.geometry.lddt import RADIUS, THRESHOLDS
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.pairs import differences
from proteinmtp.model.prediction import Prediction

NEEDS = ("distances",)


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return 1 - mean over pairs with d* < 15 A and over thresholds t of sigmoid(t - |d - d*|), (B,); 0 without any."""
    off = differences(prediction, batch).abs()[..., None]
    kept = torch.sigmoid(off.new_tensor(THRESHOLDS) - off).mean(-1)
    return masked_mean(1 - kept, batch.observed_pairs & (batch.distances < RADIUS))
