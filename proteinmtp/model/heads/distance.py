"""The distance head: a symmetric matrix of C-alpha distances by regression."""

import torch
from torch import Tensor, nn

from proteinmtp.config.whole import HeadConfig
from proteinmtp.model.pairs import SCALE, PairReadout, fit_separations, unpacked
from proteinmtp.model.prediction import Prediction

GIVES = ("distances",)
LOSS = {"mse": 1.0}


class Head(nn.Module):
    """Slot states (B, L, H) to distances (B, L, L) in angstrom: symmetric, not negative, zero diagonal."""

    def __init__(self, hidden_size: int, config: HeadConfig):
        super().__init__()
        self.pairs = PairReadout(hidden_size, config, 1)

    def fit(self, coords: list[Tensor]) -> None:
        """Begin with the mean training distance at each separation."""
        number, total = fit_separations(coords, self.pairs, lambda distances: distances[:, None], 1)
        mean = (total[:, 0] / number / SCALE).clamp(min=0.1)
        start = torch.expm1(mean).log().to(torch.float32)
        self.pairs.offset.weight.data.copy_(torch.where(number > 0, start, 0)[:, None])

    def forward(self, states: Tensor, mask: Tensor) -> Prediction:
        """Return the distances."""
        with torch.autocast(states.device.type, enabled=False):
            raw = self.pairs(states, mask).squeeze(-1)
            return Prediction(distances=unpacked(SCALE * nn.functional.softplus(raw), states.shape[1]))
