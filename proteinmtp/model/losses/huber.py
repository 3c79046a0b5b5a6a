"""Huber loss of the distances: quadratic up to delta, then linear (Huber 1964)."""

import torch
from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import SCALE, differences
from proteinmtp.model.prediction import PairPrediction


class Loss(PairLoss):
    """The error of distances, linear where it is large."""

    NEEDS = ("distances",)

    def __init__(self, *, delta: float):
        self.delta = delta

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over pairs of Huber's function of (d - d*) / 10 A, linear from delta angstrom, (B,)."""
        off = differences(prediction, batch) / SCALE
        values = torch.nn.functional.huber_loss(off, torch.zeros_like(off), reduction="none", delta=self.delta / SCALE)
        return masked_mean(values, batch.observed_pairs)
