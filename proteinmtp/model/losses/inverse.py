"""Squared difference of inverse distances: near pairs count most."""

from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import SCALE, targets
from proteinmtp.model.prediction import PairPrediction

OFFSET = 1.0
"""Angstrom added to both distances, which bounds the loss."""


class Loss(PairLoss):
    """The error of inverse distances."""

    NEEDS = ("distances",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over pairs of (10 A / (d + 1 A) - 10 A / (d* + 1 A))^2, (B,)."""
        off = SCALE / (prediction.distances + OFFSET) - SCALE / (targets(prediction, batch) + OFFSET)
        return masked_mean(off.square(), batch.observed_pairs)
