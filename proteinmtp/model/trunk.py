"""What pairs pass through between slot features and readout: a few residual blocks on the (L, L) map.

`convolution`: a dilated depthwise 3 x 3 convolution and a layer on each pair, dilations 1, 2, 4, 8 in turn: local
patterns of the map, such as the antidiagonal of a hairpin. `triangle`: triangle multiplication (Jumper 2021,
algorithms 11 and 12) and a layer on each pair: what i-k and k-j say of i-j. The map is symmetric, so one of the two
triangle updates is enough. Pairs with the padding are zeroed before each block looks at its surroundings.
"""

import torch
from torch import Tensor, nn

DILATIONS = (1, 2, 4, 8)


class Trunk(nn.Module):
    """Residual blocks on pair features (B, L, L, C)."""

    def __init__(self, kind: str, *, width: int, blocks: int):
        super().__init__()
        self.blocks = nn.ModuleList(
            Convolution(width, dilation=DILATIONS[index % len(DILATIONS)]) if kind == "convolution" else Triangle(width)
            for index in range(blocks)
        )

    def forward(self, pair: Tensor, mask: Tensor) -> Tensor:
        """Return pair features (B, L, L, C) from pair features and the mask of the residues (B, L)."""
        both = (mask[:, :, None] & mask[:, None, :])[..., None].to(pair.dtype)
        for block in self.blocks:
            pair = pair + block(pair, both)
        return pair


class Convolution(nn.Module):
    """Depthwise dilated convolution, then a layer on each pair."""

    def __init__(self, width: int, *, dilation: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.near = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, groups=width)
        self.mix = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), _silent(nn.Linear(2 * width, width)))

    def forward(self, pair: Tensor, both: Tensor) -> Tensor:
        """Return the change of the pair features."""
        around = self.near((self.norm(pair) * both).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        change: Tensor = self.mix(around)
        return change


class Triangle(nn.Module):
    """Triangle multiplication, then a layer on each pair."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.edges = nn.Linear(width, 2 * width)
        self.gates = nn.Linear(width, 3 * width)
        self.out = _silent(nn.Linear(width, width))
        self.mix = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), _silent(nn.Linear(2 * width, width))
        )

    def forward(self, pair: Tensor, both: Tensor) -> Tensor:
        """Return the change of the pair features."""
        normed = self.norm(pair)
        gate, gates = self.gates(normed).sigmoid().split([pair.shape[-1], 2 * pair.shape[-1]], dim=-1)
        left, right = (self.edges(normed) * gates * both).permute(0, 3, 1, 2).chunk(2, dim=1)
        met = torch.matmul(left, right.transpose(2, 3)).permute(0, 2, 3, 1) / pair.shape[1] ** 0.5
        change: Tensor = gate * self.out(self.norm_out(met))
        further: Tensor = self.mix(pair + change)
        return change + further


def _silent(layer: nn.Linear) -> nn.Linear:
    """Return the layer with zeros, so that a block begins as if it were not there."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
