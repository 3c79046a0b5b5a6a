"""Cross-entropy of the coordinates' text: each symbol, given those before it.

All symbols count, those of unobserved residues too: a writer that has not learned these cannot go on after them.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.coordinate_text import SYMBOLS, encode, write
from proteinmtp.model.loss import TextLoss
from proteinmtp.model.prediction import TextPrediction

PADDING = -1


class Loss(TextLoss):
    """How likely the head finds each symbol."""

    NEEDS = ("text",)

    def __call__(self, prediction: TextPrediction, batch: Batch) -> Tensor:
        """Return the mean over symbols of -ln p / ln SYMBOLS, (B,)."""
        chains = zip(batch.coords.cpu().numpy(), batch.lengths.tolist(), strict=True)
        texts = [torch.tensor(encode(write(coords[:length]))) for coords, length in chains]
        symbols = pad_sequence(texts, batch_first=True, padding_value=PADDING).to(prediction.text.device)
        values = nn.functional.cross_entropy(
            prediction.text.transpose(1, 2), symbols, ignore_index=PADDING, reduction="none"
        )
        return masked_mean(values, symbols != PADDING) / math.log(len(SYMBOLS))
