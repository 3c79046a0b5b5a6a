"""Cross-entropy of the expected lDDT of each residue: the readout says how far the distances are to be trusted.

The target is the lDDT of the predicted distances themselves, so the readout learns from the model's own errors; no
gradient goes through it into the distances.
"""

import torch
from torch import Tensor, nn

from proteinmtp.geometry.lddt import lddt_per_residue
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.loss import Readout as ReadoutBase
from proteinmtp.model.prediction import PairPrediction

WIDTH = 128


class Readout(ReadoutBase):
    """Slot states (B, L, H) to logits (B, L) of the expected lDDT; what it learns does not change the states."""

    def __init__(self, hidden_size: int):
        super().__init__(hidden_size)
        self.layers = nn.Sequential(
            nn.LayerNorm(hidden_size), nn.Linear(hidden_size, WIDTH), nn.GELU(), nn.Linear(WIDTH, 1)
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return logits (B, L)."""
        logits: Tensor = self.layers(states.detach())
        return logits.squeeze(-1)


class Loss(PairLoss):
    """How well the readout knows the lDDT of each residue."""

    NEEDS = ("distances",)
    READOUT = Readout

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over residues of the binary cross-entropy against their lDDT, (B,)."""
        logits = prediction.readouts["confidence"]
        target = lddt_per_residue(prediction.point.detach(), batch.distances).to(logits.dtype)
        known = target.isfinite()
        values = nn.functional.binary_cross_entropy_with_logits(logits, torch.where(known, target, 0), reduction="none")
        return masked_mean(values, known)
