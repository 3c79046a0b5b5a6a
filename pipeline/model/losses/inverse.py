"""Squared difference of inverse distances: near pairs count most."""

from torch import Tensor

from pipeline.config import LossConfig
from pipeline.model.batch import Batch, masked_mean
from pipeline.model.pairs import SCALE, targets
from pipeline.model.prediction import Prediction

NEEDS = ("distances",)
OFFSET = 1.0
"""Angstrom added to both distances, which bounds the loss."""


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over pairs of (10 A / (d + 1 A) - 10 A / (d* + 1 A))^2, (B,)."""
    off = SCALE / (prediction.distances + OFFSET) - SCALE / (targets(prediction, batch) + OFFSET)
    return masked_mean(off.square(), batch.observed_pairs)
