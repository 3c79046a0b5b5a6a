"""The contract of networks: from a batch of chains to a prediction, its loss, and what is written down of it.

There are two: `proteinmtp.model.slot_network` reads slots, `proteinmtp.model.writer` writes a text. The module of a
head that needs another defines it as a class `Network`; `proteinmtp.model.build` makes it with the arguments that
stand here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from proteinmtp.config import SlotsConfig
from proteinmtp.model.backbone import Architecture, Backbone, check_attention
from proteinmtp.model.batch import Batch, OnDevice, collate
from proteinmtp.model.head import HeadBase
from proteinmtp.model.layout import token_count
from proteinmtp.model.loss import Term
from proteinmtp.model.prediction import PairPrediction, TextPrediction, WrittenPrediction
from proteinmtp.model.tokens import Tokens
from proteinmtp.tables.chains import Chain, ChainSequence

C = TypeVar("C", bound=ChainSequence)
B = TypeVar("B", bound=OnDevice)
P = TypeVar("P")
S = TypeVar("S", bound=PairPrediction | TextPrediction)


class Trainable(nn.Module, ABC, Generic[C, B, P]):
    """What the training loop asks of a network, which has chains C, batches B and predictions P."""

    @abstractmethod
    def collate(self, chains: Sequence[C], tokens: Sequence[Sequence[int]]) -> B:
        """Return a batch of chains and their token ids."""

    @abstractmethod
    def forward(self, batch: B) -> P:
        """Return what the loss looks at."""

    @abstractmethod
    def loss(self, prediction: P, batch: B) -> Tensor:
        """Return the loss of each chain, (B,)."""

    @abstractmethod
    def distance_error(self, prediction: P, batch: B) -> Tensor | None:
        """Return the mean distance error of each chain, (B,) angstrom; None if distances are not known."""

    @abstractmethod
    def tokens_of(self, length: int) -> int:
        """Return how many tokens a chain of `length` residues is."""


class Network(Trainable[Chain, Batch, S], Generic[S]):
    """A language model and a head.

    Parameters:
        backbone: without its LM head.
        head: of the run.
        terms: parts of the loss.
        slots: of the run.
        tokens: the backbone's tokenizer.

    Raises:
        BackboneError: if the backbone is not for such slots.
        TokenizerError: if the prompt has words that are not in the vocabulary.
    """

    backbone: Backbone
    head: HeadBase
    prefix: Tensor
    suffix: Tensor

    def __init__(
        self, backbone: Backbone, *, head: HeadBase, terms: Sequence[Term[S]], slots: SlotsConfig, tokens: Tokens
    ):
        super().__init__()
        self.architecture = Architecture.of(backbone.config)
        check_attention(self.architecture, slots)
        self.backbone, self.head = backbone, head
        self.terms, self.slots = tuple(terms), slots
        prefix, suffix = tokens.frame(slots.prompt)
        self.register_buffer("prefix", torch.tensor(prefix, dtype=torch.long), persistent=False)
        self.register_buffer("suffix", torch.tensor(suffix, dtype=torch.long), persistent=False)

    def collate(self, chains: Sequence[Chain], tokens: Sequence[Sequence[int]]) -> Batch:
        """Return a batch of chains; see `proteinmtp.model.batch`."""
        return collate(chains, tokens)

    @abstractmethod
    def forward(self, batch: Batch) -> S:
        """Return what is compared with the experiment in training."""

    @abstractmethod
    def predict(self, batch: Batch) -> PairPrediction | WrittenPrediction:
        """Return the prediction that is written down, without a look at the coordinates of the batch."""

    def loss(self, prediction: S, batch: Batch) -> Tensor:
        """Return the weighted sum of the losses of each chain, (B,)."""
        return torch.stack([term.weight * term.loss(prediction, batch) for term in self.terms]).sum(0)

    def tokens_of(self, length: int) -> int:
        """Return how many tokens a chain of `length` residues is, without a text that is written after it."""
        return token_count(length, self.slots, around=len(self.prefix) + len(self.suffix))

    def fit(self, coords: list[Tensor]) -> None:
        """Take what the head needs to know of the training chains; see `HeadBase.fit`."""
        self.head.fit(coords)

    def move(self, device: torch.device, *, backbone: bool = True) -> None:
        """Move the network to a device, without the backbone where that lies on several."""
        if backbone:
            self.to(device)
            return
        kept, self.backbone = self.backbone, nn.Identity()  # type: ignore[assignment]  # `to` reaches every module
        self.to(device)
        self.backbone = kept

    def own_state(self) -> dict[str, Tensor]:
        """Return what is trained beside backbone and head: slot row, pooling, readouts."""
        state = self.state_dict()
        return {
            name: value.contiguous() for name, value in state.items() if not name.startswith(("backbone.", "head."))
        }
