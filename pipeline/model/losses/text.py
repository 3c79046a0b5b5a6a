"""Cross-entropy of the coordinates' text: each symbol, given those before it."""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from pipeline.config import LossConfig
from pipeline.model.batch import Batch, masked_mean
from pipeline.model.coordinate_text import SYMBOLS, encode
from pipeline.model.prediction import Prediction

NEEDS = ("text",)


def loss(prediction: Prediction, batch: Batch, config: LossConfig) -> Tensor:
    """Return the mean over the symbols of observed residues of -ln p / ln SYMBOLS, (B,)."""
    assert prediction.text is not None
    chains = zip(batch.coords.cpu().numpy(), batch.lengths.tolist(), strict=True)
    texts = [encode(coords[:length]) for coords, length in chains]
    symbols, counted = (
        pad_sequence([torch.from_numpy(part) for part in parts], batch_first=True).to(prediction.text.device)
        for parts in zip(*texts, strict=True)
    )
    values = nn.functional.cross_entropy(prediction.text.transpose(1, 2), symbols, reduction="none")
    return masked_mean(values, counted) / math.log(len(SYMBOLS))
