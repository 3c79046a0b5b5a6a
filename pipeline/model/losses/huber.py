"""Huber loss of the distances: quadratic up to delta, then linear (Huber 1964)."""

import torch
from torch import Tensor

from pipeline.config import LossConfig
from pipeline.model.batch import Batch, masked_mean
from pipeline.model.pairs import SCALE, differences
from pipeline.model.prediction import Prediction

NEEDS = ("distances",)


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over pairs of Huber's function of (d - d*) / 10 A, linear from delta angstrom, (B,)."""
    off = differences(prediction, batch) / SCALE
    values = torch.nn.functional.huber_loss(off, torch.zeros_like(off), reduction="none", delta=config.delta / SCALE)
    return masked_mean(values, batch.observed_pairs)
