"""The label-wise head: the attention of the project's first phase, one query for each coordinate of each residue.

Each output has a query of its own and takes a weighted mean of all slots, the pooled residues added (see
`slots.pooled`). It mixes the slots, and it has as many outputs as the longest chain it was made for: slot i belongs to
residue i no more. Kept for the comparison.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.base.errors import UserError
from proteinmtp.model.head import PairHead
from proteinmtp.model.normalisation import Normalisation
from proteinmtp.model.prediction import PairPrediction


class TooLongError(UserError):
    """A chain with more residues than the head has outputs for."""


class Head(PairHead):
    """Slot states (B, L, H) to coordinates (B, L, 3) in angstrom, L at most `max_length`."""

    GIVES = ("distances", "coords", "scale")
    LOSS: ClassVar = {"coordinates": 1.0}

    def __init__(self, hidden_size: int, *, normalisation: str, max_length: int):
        super().__init__()
        self.max_length = max_length
        self.norm = nn.LayerNorm(hidden_size)
        self.queries = nn.Parameter(torch.randn(3 * max_length, hidden_size) * hidden_size**-0.5)
        self.readout = nn.Parameter(torch.randn(3 * max_length, hidden_size) * hidden_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(3 * max_length))
        self.normalisation = Normalisation(normalisation)

    def fit(self, coords: list[Tensor]) -> None:
        """Measure the normalisation on the training chains.

        Raises:
            TooLongError: if one of them is too long.
        """
        longest = max((len(chain) for chain in coords), default=0)
        if longest > self.max_length:
            raise TooLongError(f"a chain has {longest} residues; set head.max_length (now {self.max_length}) to that")
        self.normalisation.fit(coords)

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the coordinates and their distances.

        Raises:
            TooLongError: if L is above `max_length`.
        """
        length = states.shape[1]
        if length > self.max_length:
            raise TooLongError(f"a chain has {length} residues; head.max_length is {self.max_length}")
        with torch.autocast(states.device.type, enabled=False):
            normed = self.norm(states.float())
            scores = torch.einsum("blh,oh->bol", normed, self.queries[: 3 * length])
            weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
            read = torch.einsum("bol,blh,oh->bo", weights, normed, self.readout[: 3 * length])
            values = (read + self.bias[: 3 * length]).view(-1, length, 3)
            return self.normalisation.prediction(values, mask)
