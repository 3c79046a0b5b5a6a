"""Losses on distances and coordinates, elementwise; the caller masks and averages."""

import torch
from torch import Tensor

from pipeline.config import LossConfig


def elementwise(config: LossConfig, predicted: Tensor, target: Tensor, scale: float) -> Tensor:
    """Return the loss of each element.

    Parameters:
        config: `mse` squares the difference; `huber` is linear beyond `delta` angstrom.
        predicted, target: same shape, angstrom; NaN in `target` where nothing is known gives loss 0 and no gradient.
        scale: angstrom that count as 1, so that the loss is near 1 at the start.
    """
    difference = torch.where(target.isfinite(), (predicted - target.nan_to_num()) / scale, 0)
    if config.kind == "huber":
        return torch.nn.functional.huber_loss(
            difference, torch.zeros_like(difference), reduction="none", delta=config.delta / scale
        )
    return difference**2
