"""The contract of losses. One module of `proteinmtp.model.losses`, or one of yours, is one; `loss.terms` names it.

A loss's module defines a class `Loss`, made as `Loss(**options)`. Its options are the keyword-only parameters of its
constructor: those that are keys of the section `loss` of the config have their values from there, the others from the
`options` of its term.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from torch import Tensor, nn

from proteinmtp.model.batch import Batch
from proteinmtp.model.prediction import PairPrediction, TextPrediction

P = TypeVar("P", bound=PairPrediction | TextPrediction)


class Readout(nn.Module, ABC):
    """What a loss reads from the slots by itself; made as `Readout(hidden_size)`."""

    @abstractmethod
    def __init__(self, hidden_size: int):
        super().__init__()

    @abstractmethod
    def forward(self, states: Tensor) -> Tensor:
        """Return what is read from slot states (B, L, H).

        It stands in `PairPrediction.readouts`, under the last part of the loss's name.
        """


class LossBase(ABC, Generic[P]):
    """One part of what training makes small.

    Class variables:
        NEEDS: the fields of the prediction that a head must give for it, a literal tuple.
        READOUT: what it reads from the slots by itself, or None.
    """

    NEEDS: ClassVar[tuple[str, ...]]
    READOUT: ClassVar[type[Readout] | None] = None

    @abstractmethod
    def __call__(self, prediction: P, batch: Batch) -> Tensor:
        """Return one number for each chain, (B,), near 1 at the start of training.

        Only observed residues count; a chain without any has loss 0.
        """


class PairLoss(LossBase[PairPrediction]):
    """A loss of what is predicted for pairs, traces and slots."""


class TextLoss(LossBase[TextPrediction]):
    """A loss of a text."""


@dataclass(frozen=True, kw_only=True)
class Term(Generic[P]):
    """One part of a run's loss: a loss, the last part of its name, and its weight."""

    name: str
    weight: float
    loss: LossBase[P]
