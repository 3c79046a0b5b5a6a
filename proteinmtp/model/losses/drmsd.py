"""Distance RMSD: the root of the mean squared error of the distances of each chain."""

import math

import torch
from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import SCALE, differences
from proteinmtp.model.prediction import PairPrediction

LEAST = 1e-6
"""Added under the root, whose slope at zero is infinite."""


class Loss(PairLoss):
    """The distance RMSD of each chain."""

    NEEDS = ("distances",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return sqrt(mean over pairs of ((d - d*) / 10 A)^2 + 1e-6) - 0.001, (B,)."""
        square = masked_mean((differences(prediction, batch) / SCALE).square(), batch.observed_pairs)
        return torch.sqrt(square + LEAST) - math.sqrt(LEAST)
