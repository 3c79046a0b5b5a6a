"""Mean squared error of the distances, the historical loss: most of its gradient lies in far pairs."""

from torch import Tensor

from proteinmtp.config.whole import LossConfig
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.pairs import SCALE, differences
from proteinmtp.model.prediction import Prediction

NEEDS = ("distances",)


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over pairs of ((d - d*) / 10 A)^2, (B,)."""
    return masked_mean((differences(prediction, batch) / SCALE).square(), batch.observed_pairs)
