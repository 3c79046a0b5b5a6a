"""Distance RMSD: the root of the mean squared error of the distances of each chain."""

from torch import Tensor

from proteinmtp.config.whole import LossConfig
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.pairs import SCALE, differences
from proteinmtp.model.prediction import Prediction

NEEDS = ("distances",)
LEAST = 1e-6
"""Added under the root, whose slope at zero is infinite."""


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return sqrt(mean over pairs of ((d - d*) / 10 A)^2 + 1e-6) - 0.001, (B,)."""
    square = masked_mean((differences(prediction, batch) / SCALE).square(), batch.observed_pairs)
    return (square + LEAST).sqrt() - LEAST**0.5
