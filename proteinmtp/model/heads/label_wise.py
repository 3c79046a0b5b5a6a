"""The label-wise head: the attention of the project's first phase, one query for each residue.

Beside the slots it reads the pooled prompt, a token of its own: feature by feature the largest state of the tokens
before the slots. After a layer norm, as in `coords`, each residue's learned query takes a weighted mean of all these
states, and one linear layer, shared by all residues, makes coordinates of that mean. So the slots are mixed, slot i
belongs to residue i no more, and there are as many queries as the longest chain has residues. Kept as the historical
baseline.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.model.batch import Batch
from proteinmtp.model.fixed_length import FixedLengthHead
from proteinmtp.model.prediction import PairPrediction
from proteinmtp.model.slot_network import SlotNetwork


class Network(SlotNetwork):
    """The network that reads slots, with the pooled prompt before them; see `proteinmtp.model.network`."""

    def forward(self, batch: Batch) -> PairPrediction:
        """Return the prediction for a batch."""
        layout = self.layout(batch.residues, batch.lengths)
        tokens = self.token_states(batch.residues, layout)
        slots = self.read_slots(tokens, layout)
        states = torch.cat([layout.pooled(tokens)[:, None], slots.float()], dim=1)
        mask = nn.functional.pad(batch.mask, (1, 0), value=True)
        return self.with_readouts(self.head(states, mask), slots)


class Head(FixedLengthHead):
    """The pooled prompt and the slots (B, 1 + L, H) to coordinates (B, L, 3) in angstrom, L at most `max_length`."""

    GIVES = ("distances", "coords", "scale")
    LOSS: ClassVar = {"coordinates": 1.0}

    def __init__(self, hidden_size: int, *, normalisation: str, max_length: int):
        super().__init__(normalisation=normalisation, max_length=max_length)
        self.norm = nn.LayerNorm(hidden_size)
        self.queries = nn.Parameter(torch.randn(max_length, hidden_size) * hidden_size**-0.5)
        self.project = nn.Linear(hidden_size, 3)

    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the coordinates and their distances.

        Parameters:
            states: (B, 1 + L, H) of the pooled prompt and the slots.
            mask: (B, 1 + L) True for the prompt and for residues, False in the padding.

        Raises:
            TooLongError: if L is above `max_length`.
        """
        length = states.shape[1] - 1
        self.check_length(length)
        with torch.autocast(states.device.type, enabled=False):
            normed = self.norm(states.float())
            scores = self.queries[:length] @ normed.transpose(1, 2)
            weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
            return self.normalisation.prediction(self.project(weights @ normed), mask[:, 1:])
