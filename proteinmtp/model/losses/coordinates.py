"""Squared error of absolute coordinates, the project's first loss: it changes when a protein is turned or moved."""

import torch
from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.prediction import PairPrediction


class Loss(PairLoss):
    """The error of absolute coordinates."""

    NEEDS = ("coords", "scale")

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over residues and axes of ((x - x*) / scale)^2, (B,); x* from its mean where heads say so."""
        assert prediction.coords is not None and prediction.scale is not None
        seen = batch.observed[..., None]
        target = torch.where(seen, batch.coords, 0)
        if prediction.centred:
            target = target - target.sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp(min=1)
        off = torch.where(seen, prediction.coords - target, 0) / prediction.scale[:, None, None]
        return masked_mean(off.square(), seen.expand_as(off))
