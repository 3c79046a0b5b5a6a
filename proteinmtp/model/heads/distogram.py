"""The distogram head: how likely each of 78 bins of distance is, for each pair.

It also gives the expected distance, of which losses of distances are taken, its deviation, the probability of a
contact, and the median, which is what is written down. What the last bin, all that is beyond 32 angstrom, stands for
is the mean training distance beyond it at that separation. A trace is held to distances below 18 angstrom; the others
only say "farther" (`CAP`, chosen on validation chains).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.geometry.bins import BINS, LAST, bin_of, median, moments
from proteinmtp.model.head import PairHead
from proteinmtp.model.pairs import PairReadout, fit_separations, pair_index, unpacked
from proteinmtp.model.prediction import PairPrediction

PSEUDOCOUNT = 2e-5


class Head(PairHead):
    """Slot states (B, L, H) to logits (B, P, BINS) of the pairs i < j, and what follows from them."""

    GIVES = ("distances", "median", "logits", "sigma", "contact")
    LOSS: ClassVar = {"distogram": 1.0, "dihedral": 0.3, "confidence": 0.1}
    CAP = 18.0

    beyond: Tensor

    def __init__(self, hidden_size: int, *, width: int, max_separation: int, trunk: str, blocks: int):
        super().__init__()
        self.pairs = PairReadout(
            hidden_size, BINS, width=width, max_separation=max_separation, trunk=trunk, blocks=blocks
        )
        self.register_buffer("beyond", torch.full((self.pairs.buckets,), 1.5 * LAST))

    def fit(self, coords: list[Tensor]) -> None:
        """Begin with how often each bin occurs at each separation, and measure what lies beyond the last edge."""
        number, total = fit_separations(
            coords,
            self.pairs,
            values=lambda distances: nn.functional.one_hot(bin_of(distances), BINS),
            features=BINS,
        )
        share = (total / number.clamp(min=1)[:, None] + PSEUDOCOUNT).log()
        start = torch.where(number[:, None] > 0, share, 0).to(torch.float32)
        self.pairs.offset.weight.data.copy_(start - start.mean(1, keepdim=True))
        _, far = fit_separations(coords, self.pairs, values=_beyond, features=2)
        mean = (far[:, 1] / far[:, 0]).to(torch.float32)
        self.beyond.copy_(torch.where(far[:, 0] > 0, mean, self.beyond.cpu()))

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return logits, expected distances, their deviation and the probability of a contact."""
        with torch.autocast(states.device.type, enabled=False):
            logits = self.pairs(states, mask)
            length = states.shape[1]
            first, second = pair_index(length, states.device)
            mean, deviation, near = moments(logits, self.beyond[self.pairs.bucket(second - first)])
            distances, sigma, contact = (unpacked(values, length) for values in (mean, deviation, near))
            middle = unpacked(median(logits.detach(), mean.detach()), length)
            return PairPrediction(distances=distances, median=middle, logits=logits, sigma=sigma, contact=contact)


def _beyond(distances: Tensor) -> Tensor:
    far = distances > LAST
    return torch.stack([far.to(distances.dtype), torch.where(far, distances, 0)], dim=1)
