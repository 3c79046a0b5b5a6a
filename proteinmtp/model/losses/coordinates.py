"""Squared error of absolute coordinates, the project's first loss: it changes when a protein is turned or moved."""

import torch
from torch import Tensor

from proteinmtp.config.whole import LossConfig
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.prediction import Prediction

NEEDS = ("coords", "scale")


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over residues and axes of ((x - x*) / scale)^2, (B,); x* from its mean where heads say so."""
    assert prediction.coords is not None and prediction.scale is not None
    seen = batch.observed[..., None]
    target = torch.where(seen, batch.coords, 0)
    if prediction.centred:
        target = target - target.sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp(min=1)
    off = torch.where(seen, prediction.coords - target, 0) / prediction.scale[:, None, None]
    return masked_mean(off.square(), seen.expand_as(off))
