"""Cross-entropy of the distogram: the head says how likely each distance is (Senior 2020)."""

from torch import Tensor, nn

from proteinmtp.geometry.bins import bin_of
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.pairs import packed
from proteinmtp.model.prediction import PairPrediction

NATS = 3.0
"""Nats that count as 1: about what knowing |i-j| alone leaves."""


class Loss(PairLoss):
    """How likely the head finds each distance."""

    NEEDS = ("logits",)

    def __call__(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean over pairs of -ln p(bin of d*) / 3, (B,)."""
        assert prediction.logits is not None
        true = packed(batch.distances)
        values = nn.functional.cross_entropy(prediction.logits.flatten(0, 1), bin_of(true).flatten(), reduction="none")
        return masked_mean(values.view_as(true), true.isfinite()) / NATS
