"""The coords head: absolute coordinates, the project's first approach, kept as the historical baseline.

Coordinates are normalised by the mean and the standard deviation of the training chains, and the prediction is
turned back exactly. The target depends on how a protein happens to lie in its file, which no sequence can tell: the
best answer to that is the mean, and this is why the approach failed.
"""

import torch
from torch import Tensor, nn

from pipeline.config import HeadConfig, LossConfig
from pipeline.geometry.distances import pairwise_distances
from pipeline.model.batch import Batch, Decoded, masked_mean
from pipeline.model.losses import elementwise


class Head(nn.Module):
    """Slot states (B, L, H) to coordinates (B, L, 3) in angstrom."""

    mean: Tensor
    std: Tensor

    def __init__(self, hidden_size: int, config: HeadConfig):
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.GELU(), nn.Linear(hidden_size, 3))
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("std", torch.ones(()))

    def fit(self, coords: list[Tensor]) -> None:
        """Take mean (3,) and standard deviation (one for all axes) of the observed training coordinates."""
        points = torch.cat([chain[chain.isfinite().all(-1)] for chain in coords]) if coords else torch.empty(0, 3)
        if len(points) > 1:
            self.mean.copy_(points.double().mean(0))
            self.std.copy_((points - self.mean).double().square().mean().sqrt())

    def forward(self, states: Tensor) -> Tensor:
        """Return coordinates (B, L, 3) in angstrom from slot states (B, L, H)."""
        with torch.autocast(states.device.type, enabled=False):
            return self.project(self.norm(states.float())) * self.std + self.mean

    def loss(self, output: Tensor, batch: Batch, config: LossConfig) -> Tensor:
        """Return the mean loss over the observed residues of each chain on normalised coordinates, (B,)."""
        loss = elementwise(config, output, batch.coords, float(self.std))
        return masked_mean(loss, batch.observed[..., None].expand_as(loss))

    def decode(self, output: Tensor) -> Decoded:
        """Return the coordinates and their distances."""
        return Decoded(distances=pairwise_distances(output), coords=output)
