"""Squared difference of the logarithms of distances: errors count in proportion."""

from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import targets
from proteinmtp.model.prediction import PairPrediction

OFFSET = 1.0
"""Angstrom added to both distances, so that a logarithm of zero has no part in it."""


class Loss(PairLoss):
    """The error of the logarithms of distances."""

    NEEDS = ("distances",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over pairs of (ln(d + 1 A) - ln(d* + 1 A))^2, (B,)."""
        off = (prediction.distances + OFFSET).log() - (targets(prediction, batch) + OFFSET).log()
        return masked_mean(off.square(), batch.observed_pairs)
