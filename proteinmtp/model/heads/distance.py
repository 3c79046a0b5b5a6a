"""The distance head: a symmetric matrix of C-alpha distances by regression."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.model.head import PairHead
from proteinmtp.model.pairs import SCALE, PairReadout, fit_separations, unpacked
from proteinmtp.model.prediction import PairPrediction


class Head(PairHead):
    """Slot states (B, L, H) to distances (B, L, L) in angstrom: symmetric, not negative, zero diagonal."""

    GIVES = ("distances",)
    LOSS: ClassVar = {"mse": 1.0}

    def __init__(self, hidden_size: int, *, width: int, max_separation: int, trunk: str, blocks: int):
        super().__init__()
        self.pairs = PairReadout(hidden_size, 1, width=width, max_separation=max_separation, trunk=trunk, blocks=blocks)

    def fit(self, coords: list[Tensor]) -> None:
        """Begin with the mean training distance at each separation."""
        number, total = fit_separations(coords, self.pairs, values=lambda distances: distances[:, None], features=1)
        mean = (total[:, 0] / number / SCALE).clamp(min=0.1)
        start = torch.expm1(mean).log().to(torch.float32)
        self.pairs.offset.weight.data.copy_(torch.where(number > 0, start, 0)[:, None])

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the distances."""
        with torch.autocast(states.device.type, enabled=False):
            raw = self.pairs(states, mask).squeeze(-1)
            return PairPrediction(distances=unpacked(SCALE * nn.functional.softplus(raw), states.shape[1]))
