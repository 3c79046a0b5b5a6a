"""Mean squared error of the distances, the historical loss: most of its gradient lies in far pairs."""

from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import SCALE, differences
from proteinmtp.model.prediction import PairPrediction


class Loss(PairLoss):
    """The squared error of distances."""

    NEEDS = ("distances",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over pairs of ((d - d*) / 10 A)^2, (B,)."""
        return masked_mean((differences(prediction, batch) / SCALE).square(), batch.observed_pairs)
