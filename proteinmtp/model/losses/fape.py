"""Frame-aligned point error of a C-alpha trace (Jumper 2021, algorithm 28, with frames from C-alpha atoms alone).

The frame of residue i is made from i-1, i, i+1: axes along the two bonds, orthogonalised. In it the place of every
other residue is compared. Frames turn with the protein, so the loss does not change with its position; a mirror image
has other frames, so it knows the hand, which distances do not.
"""

import torch
from torch import Tensor

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.prediction import PairPrediction

SCALE = 10.0
SMALL = 1e-4
"""Angstrom squared under the root, so that its slope is finite."""


class Loss(PairLoss):
    """The error of places in the frames of residues."""

    NEEDS = ("coords",)

    def __init__(self, *, clamp: float):
        self.clamp = clamp

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over frames i and residues j of min(|x_ij - x*_ij|, clamp) / 10 A, (B,)."""
        assert prediction.coords is not None
        seen = batch.observed
        framed = seen[:, :-2] & seen[:, 1:-1] & seen[:, 2:]
        target = local_coords(torch.where(seen[..., None], batch.coords, 0))
        error = (local_coords(prediction.coords) - target).square().sum(-1)
        error = (error + SMALL).sqrt() - SMALL**0.5
        return masked_mean(error.clamp(max=self.clamp) / SCALE, framed[:, :, None] & seen[:, None])


def local_coords(coords: Tensor) -> Tensor:
    """Return the place of each residue in the frame of each inner residue.

    Parameters:
        coords: (B, L, 3), angstrom.

    Returns:
        (B, L-2, L, 3), angstrom. Where three atoms lie on a line, the frame means nothing but has finite slopes.
    """
    here = coords[:, 1:-1]
    first = _unit(coords[:, 2:] - here)
    back = coords[:, :-2] - here
    second = _unit(back - (back * first).sum(-1, keepdim=True) * first)
    axes = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
    return (coords[:, None] - here[:, :, None]) @ axes


def _unit(vectors: Tensor) -> Tensor:
    return vectors / (vectors.square().sum(-1, keepdim=True) + SMALL).sqrt()
