"""The coordinate-wise head: label-wise attention with all parameters apart, a query for each coordinate.

Each coordinate of each residue has a query of its own, which takes a weighted mean of the slots, and a readout and an
offset of its own that make a number of it. So residues lie apart before attention has learned to tell them apart, and
distances are nearer than those of `label_wise`, whose residues share a layer (docs/results.md). This head too mixes the
slots and fixes the longest chain. The pooled prompt reaches it only through `slots.pooled`.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.model.fixed_length import FixedLengthHead
from proteinmtp.model.prediction import PairPrediction


class Head(FixedLengthHead):
    """Slot states (B, L, H) to coordinates (B, L, 3) in angstrom, L at most `max_length`."""

    GIVES = ("distances", "coords", "scale")
    LOSS: ClassVar = {"coordinates": 1.0}

    def __init__(self, hidden_size: int, *, normalisation: str, max_length: int):
        super().__init__(normalisation=normalisation, max_length=max_length)
        self.norm = nn.LayerNorm(hidden_size)
        self.queries = nn.Parameter(torch.randn(3 * max_length, hidden_size) * hidden_size**-0.5)
        self.readout = nn.Parameter(torch.randn(3 * max_length, hidden_size) * hidden_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(3 * max_length))

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the coordinates and their distances.

        Raises:
            TooLongError: if L is above `max_length`.
        """
        length = states.shape[1]
        self.check_length(length)
        with torch.autocast(states.device.type, enabled=False):
            normed = self.norm(states.float())
            scores = torch.einsum("blh,oh->bol", normed, self.queries[: 3 * length])
            weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
            read = torch.einsum("bol,blh,oh->bo", weights, normed, self.readout[: 3 * length])
            values = (read + self.bias[: 3 * length]).view(-1, length, 3)
            return self.normalisation.prediction(values, mask)
