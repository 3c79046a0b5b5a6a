"""Squared error of the distances, each sequence separation with the same weight.

Where all pairs count alike, a chain's loss is mostly that of some separations; here every |i-j| of a chain counts once.
"""

import torch
from torch import Tensor

from proteinmtp.model.batch import Batch
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import SCALE, differences, separations
from proteinmtp.model.prediction import PairPrediction


class Loss(PairLoss):
    """The squared error of distances, by separation."""

    NEEDS = ("distances",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over the |i-j| of a chain of the mean over its pairs of ((d - d*) / 10 A)^2, (B,)."""
        values = (differences(prediction, batch) / SCALE).square().flatten(1)
        counted = batch.observed_pairs.flatten(1).to(values.dtype)
        length = prediction.distances.shape[1]
        index = separations(length, values.device).flatten().expand_as(counted)
        number = values.new_zeros(len(values), length).scatter_add(1, index, counted)
        total = torch.zeros_like(number).scatter_add(1, index, values * counted)
        return (total / number.clamp(min=1)).sum(1) / (number > 0).sum(1).clamp(min=1)
