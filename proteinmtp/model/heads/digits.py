"""The digits head: coordinates written as text, symbol by symbol, the rival of the slots.

The symbols of `proteinmtp.model.coordinate_text` have embedding rows and an output layer of their own, so any causal
backbone can write them, whatever its tokenizer; where it knows a symbol as one token, the row begins as that token's.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from proteinmtp.model.coordinate_text import SYMBOLS
from proteinmtp.model.prediction import TextPrediction
from proteinmtp.model.writer import WriterNetwork as Network
from proteinmtp.model.writer import WritingHead

__all__ = ["Head", "Network"]


class Head(WritingHead):
    """Rows (SYMBOLS, H) that are read, and the layer from the state before a symbol to its logits."""

    GIVES = ("text",)
    LOSS: ClassVar = {"text": 1.0}

    def __init__(self, hidden_size: int):
        super().__init__()
        self.rows = nn.Parameter(torch.randn(len(SYMBOLS), hidden_size) * hidden_size**-0.5)
        self.output = nn.Linear(hidden_size, len(SYMBOLS))

    def begin(self, table: Tensor, ids: Sequence[int | None], *, tied: bool) -> None:
        """Begin with what the backbone knows; a row without a token is drawn like any row of the table."""
        table = table.detach().float()
        rows = table.mean(0) + table.std(0) * torch.randn(len(SYMBOLS), table.shape[1])
        for symbol, token in enumerate(ids):
            if token is not None:
                rows[symbol] = table[token]
        self.rows.data.copy_(rows)
        if tied:
            self.output.weight.data.copy_(rows)

    def fit(self, coords: list[Tensor]) -> None:
        """Do nothing; this head needs no statistics of the training chains."""

    def forward(self, states: Tensor, mask: Tensor) -> TextPrediction:
        """Return the logits of the symbols after states (B, T, H)."""
        with torch.autocast(states.device.type, enabled=False):
            return TextPrediction(text=self.output(states.float()))
