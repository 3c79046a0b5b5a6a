"""The contract of heads: from slot states to a structure.

One module of `proteinmtp.model.heads`, or one of yours, is one head.

A head's module defines a class `Head`, made as `Head(hidden_size, **options)`. Its options are the keyword-only
parameters of its constructor: those that are keys of the section `head` of the config have their values from there, the
others from `head.options`. What it gives stands in class variables, as literals, which the configuration reads without
importing the module (`proteinmtp.predictors.catalogue`).

A module may also define `Network`, for a head that reads anything but slots alone; see `proteinmtp.model.network`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from proteinmtp.model.prediction import PairPrediction, TextPrediction


class HeadBase(nn.Module, ABC):
    """What all heads have.

    Class variables:
        GIVES: the fields of the prediction that it fills.
        LOSS: names and weights of the losses it is usually trained with, where the config names none.
        CAP: angstrom from which on its distances say only "farther", where `reconstruct.cap` names none; None: nowhere.
    """

    GIVES: ClassVar[tuple[str, ...]]
    LOSS: ClassVar[Mapping[str, float]]
    CAP: ClassVar[float | None] = None

    @abstractmethod
    def fit(self, coords: list[Tensor]) -> None:
        """Take what the head needs to know of the training chains, before training starts.

        Parameters:
            coords: a list of (L, 3), angstrom, NaN where not observed.
        """


class PairHead(HeadBase):
    """A head that predicts the distances of pairs of residues."""

    @abstractmethod
    def forward(self, states: Tensor, mask: Tensor) -> PairPrediction:
        """Return the prediction.

        Parameters:
            states: (B, L, H) of the slots.
            mask: (B, L) True for residues, False in the padding.
        """


class TextHead(HeadBase):
    """A head that predicts the symbols of a text."""

    @abstractmethod
    def forward(self, states: Tensor, mask: Tensor) -> TextPrediction:
        """Return the logits of the symbols after states (B, T, H); the mask (B, L) is that of the residues."""
