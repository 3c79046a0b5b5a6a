"""Huber loss of the distances: quadratic up to delta, then linear (Huber 1964)."""

import torch
from torch import Tensor

from proteinmtp.config.whole import LossConfig
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.pairs import SCALE, differences
from proteinmtp.model.prediction import Prediction

NEEDS = ("distances",)


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over pairs of Huber's function of (d - d*) / 10 A, linear from delta angstrom, (B,)."""
    off = differences(prediction, batch) / SCALE
    values = torch.nn.functional.huber_loss(off, torch.zeros_like(off), reduction="none", delta=config.delta / SCALE)
    return masked_mean(values, batch.observed_pairs)
