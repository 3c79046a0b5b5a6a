"""The network that reads slots: a chain's tokens through a language model, and a head on the states of its slots.

The slot token's embedding, the slot row, is a parameter of its own: it trains while the embedding table of the
backbone stays frozen, and works on quantised backbones too.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from proteinmtp.base.errors import PartError
from proteinmtp.config import SlotsConfig
from proteinmtp.model.backbone import Backbone
from proteinmtp.model.batch import Batch, masked_mean
from proteinmtp.model.head import HeadBase, PairHead
from proteinmtp.model.layout import Layout
from proteinmtp.model.loss import Term
from proteinmtp.model.network import Network
from proteinmtp.model.prediction import PairPrediction
from proteinmtp.model.tokens import Tokens


class SlotNetwork(Network[PairPrediction]):
    """Backbone, slot row, head, and the readouts that the losses bring; see `Network`.

    Raises:
        PartError: if the head predicts no pairs.
    """

    head: PairHead

    def __init__(
        self,
        backbone: Backbone,
        *,
        head: HeadBase,
        terms: Sequence[Term[PairPrediction]],
        slots: SlotsConfig,
        tokens: Tokens,
    ):
        super().__init__(backbone, head=head, terms=terms, slots=slots, tokens=tokens)
        if not isinstance(head, PairHead):
            raise PartError(f"{type(head).__module__}: the head is no PairHead, so its module must define `Network`")
        hidden = self.architecture.hidden_size
        self.readouts = nn.ModuleDict(
            {term.name: term.loss.READOUT(hidden) for term in terms if term.loss.READOUT is not None}
        )
        table = backbone.get_input_embeddings().weight
        if slots.kind != "none":
            self.slot_row = nn.Parameter(table.detach().float().mean(0) + table.detach().float().std(0))
        if slots.pooled:
            self.pool = nn.Linear(hidden, hidden)
            nn.init.zeros_(self.pool.weight)
            nn.init.zeros_(self.pool.bias)

    def forward(self, batch: Batch) -> PairPrediction:
        """Return the prediction for a batch."""
        slots = self.slot_states(batch.residues, batch.lengths)
        return self.with_readouts(self.head(slots, batch.mask), slots)

    def predict(self, batch: Batch) -> PairPrediction:
        """Return the prediction for a batch; no part of it depends on the coordinates."""
        prediction: PairPrediction = self(batch)
        return prediction

    def distance_error(self, prediction: PairPrediction, batch: Batch) -> Tensor:
        """Return the mean distance error of each chain over its observed pairs, (B,) angstrom."""
        return masked_mean((prediction.point - batch.distances).abs(), batch.observed_pairs)

    def slot_states(self, residues: Tensor, lengths: Tensor) -> Tensor:
        """Return the last hidden state of each slot, or of each residue where there are no slots.

        Parameters:
            residues: (B, L) token ids, padded on the right.
            lengths: (B,).

        Returns:
            (B, L, H); the rows behind a chain's length mean nothing.
        """
        layout = self.layout(residues, lengths)
        return self.read_slots(self.token_states(residues, layout), layout)

    def layout(self, residues: Tensor, lengths: Tensor) -> Layout:
        """Return where the tokens of residues (B, L) of chains of `lengths` (B,) lie."""
        return Layout(
            lengths=lengths, longest=residues.shape[1], slots=self.slots, prefix=self.prefix, suffix=self.suffix
        )

    def token_states(self, residues: Tensor, layout: Layout) -> Tensor:
        """Return the last hidden states (B, T, H) of all tokens of residues (B, L)."""
        embedded: Tensor = self.backbone.get_input_embeddings()(layout.tokens(residues))
        if layout.has_slots:
            slot = self.slot_row.to(embedded.dtype)
            slot = embedded + slot if self.slots.kind == "echo" else slot
            embedded = torch.where(layout.in_slots[..., None], slot, embedded)
        return layout.states(self.backbone, self.architecture, embedded)

    def read_slots(self, states: Tensor, layout: Layout) -> Tensor:
        """Return from the states (B, T, H) of all tokens those of the slots, (B, L, H); see `slot_states`."""
        slots = layout.read(states)
        if self.slots.pooled:
            slots = slots.float() + self.pool(layout.pooled(states))[:, None]
        return slots

    def with_readouts(self, prediction: PairPrediction, slots: Tensor) -> PairPrediction:
        """Return the prediction of the head with what the losses read from the slots (B, L, H)."""
        with torch.autocast(slots.device.type, enabled=False):
            states = slots.float()
            return replace(prediction, readouts={name: readout(states) for name, readout in self.readouts.items()})
