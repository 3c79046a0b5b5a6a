"""The equivariant head: a distogram's trace, refined by an EGNN (Satorras 2021).

The expected distances of a distogram are scaled to a trace; layers of messages then move its points along the lines
between them. What comes out turns and moves with what goes in, and is mirrored with it: no such network can tell the
two hands apart, and which of them scaling returns is chance. So only the refined distances are given on, and the
hand is chosen where every trace is rebuilt.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.mds import classical_mds
from proteinmtp.model.head import PairHead
from proteinmtp.model.heads import distogram
from proteinmtp.model.pairs import SCALE
from proteinmtp.model.prediction import PairPrediction

LAYERS = 3


class Head(PairHead):
    """Slot states (B, L, H) to a distogram and refined distances (B, L, L) in angstrom."""

    GIVES = ("distances", "logits", "sigma", "contact")
    LOSS: ClassVar = {"distogram": 1.0, "smooth_lddt": 1.0, "huber": 0.3}

    def __init__(self, hidden_size: int, *, width: int, max_separation: int, trunk: str, blocks: int):
        super().__init__()
        self.distogram = distogram.Head(
            hidden_size, width=width, max_separation=max_separation, trunk=trunk, blocks=blocks
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.project = nn.Linear(hidden_size, width)
        self.layers = nn.ModuleList(Layer(width, last=index == LAYERS - 1) for index in range(LAYERS))

    def fit(self, coords: list[Tensor]) -> None:
        """Fit the distogram."""
        self.distogram.fit(coords)

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the distogram's prediction, its distances replaced by those of the refined trace."""
        prediction: PairPrediction = self.distogram(states, mask)
        with torch.autocast(states.device.type, enabled=False):
            trace = classical_mds(prediction.distances.detach(), mask).nan_to_num() / SCALE
            features = self.project(self.norm(states.float()))
            for layer in self.layers:
                trace, features = layer(trace, features, mask)
            return replace(prediction, distances=SCALE * pairwise_distances(trace), median=None)


class Layer(nn.Module):
    """One round of messages between all residues of a chain; after the last one nobody asks for the features."""

    def __init__(self, width: int, last: bool):
        super().__init__()
        self.left, self.right = nn.Linear(width, width), nn.Linear(width, width)
        self.apart = nn.Linear(2, width)
        self.message = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.pull = nn.Linear(width, 1)
        self.update = None if last else nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, width), nn.GELU())
        nn.init.zeros_(self.pull.weight)
        nn.init.zeros_(self.pull.bias)

    def forward(self, trace: Tensor, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return moved points (B, L, 3), in units of 10 angstrom, and changed features (B, L, C)."""
        between = trace[:, :, None] - trace[:, None]
        square = between.square().sum(-1)
        others = mask[:, None, :] & mask[:, :, None] & (square > 0)
        index = torch.arange(trace.shape[1], device=trace.device)
        near = (-(index[:, None] - index).abs().float() / 4).exp().expand_as(square)
        message = (
            self.message(
                self.left(features)[:, :, None]
                + self.right(features)[:, None]
                + self.apart(torch.stack([(1 + square).log(), near], dim=-1))
            )
            * others[..., None]
        )
        number = others.sum(-1, keepdim=True).clamp(min=1)
        step = between / (1 + torch.where(others, square, 1).sqrt())[..., None]
        moved = trace + (step * self.pull(message) * others[..., None]).sum(2) / number**0.5
        if self.update is not None:
            features = features + self.update(torch.cat([features, message.sum(2) / number], dim=-1))
        return moved, features
