"""Where the tokens of a chain lie, at which positions they count, and who sees whom.

A chain of L residues becomes `prefix, residues 1..L, suffix, slots 1..L, padding`. Prefix and suffix are what the
backbone's tokenizer puts around a text (a beginning and an end, or nothing) and the prompt. Padding is on the right,
so a causal model needs no mask: no real token looks there.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from proteinmtp.config import SlotsConfig
from proteinmtp.model.backbone import Architecture, Backbone


def token_count(length: int, slots: SlotsConfig, *, around: int) -> int:
    """Return how many tokens a chain is.

    Parameters:
        length: residues.
        slots: with one token for each residue, or none.
        around: tokens before and after the residues.
    """
    return around + length * (1 if slots.kind == "none" else 2)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The places of B chains in T tokens.

    Attributes:
        lengths: (B,) residues.
        longest: L, residues of the longest chain of the batch.
        slots: kind, positions and attention.
        prefix, suffix: (P,) and (S,) token ids around the residues.
    """

    lengths: Tensor
    longest: int
    slots: SlotsConfig
    prefix: Tensor
    suffix: Tensor

    @property
    def has_slots(self) -> bool:
        """Whether there are slots, or residues are read out themselves."""
        return self.slots.kind != "none"

    @cached_property
    def step(self) -> Tensor:
        """(1, T) place of each token."""
        total = token_count(self.longest, self.slots, around=len(self.prefix) + len(self.suffix))
        return torch.arange(total, device=self.lengths.device)[None]

    @cached_property
    def in_residues(self) -> Tensor:
        """(B, T) True for residue tokens."""
        first = len(self.prefix)
        return (self.step >= first) & (self.step < first + self.lengths[:, None])

    @cached_property
    def in_suffix(self) -> Tensor:
        """(B, T) True for the tokens between residues and slots."""
        first = len(self.prefix) + self.lengths[:, None]
        return (self.step >= first) & (self.step < first + len(self.suffix))

    @cached_property
    def in_slots(self) -> Tensor:
        """(B, T) True for slots; none if there are none."""
        if not self.has_slots:
            return torch.zeros_like(self.in_residues)
        return (self.step >= self._first_slot) & (self.step < self._first_slot + self.lengths[:, None])

    @property
    def before_slots(self) -> Tensor:
        """(B, T) True for the tokens before the slots: prefix, residues and suffix."""
        return (self.step < len(self.prefix)) | self.in_residues | self.in_suffix

    @property
    def real(self) -> Tensor:
        """(B, T) False in the padding."""
        return self.before_slots | self.in_slots

    def tokens(self, residues: Tensor) -> Tensor:
        """Return token ids (B, T) for residue ids (B, L); slots get those of their residues, padding gets 0."""
        own = (self.step - len(self.prefix)) * self.in_residues + (self.step - self._first_slot) * self.in_slots
        ids = residues.gather(1, own.clamp(min=0)) * (self.in_residues | self.in_slots)
        ids[:, : len(self.prefix)] = self.prefix
        if len(self.suffix):
            place = (self.step - len(self.prefix) - self.lengths[:, None]).clamp(0, len(self.suffix) - 1)
            ids = torch.where(self.in_suffix, self.suffix[place], ids)
        return ids

    def positions(self) -> Tensor:
        """Return position ids (B, T): those of aligned slots are those of their residues."""
        if self.slots.positions == "continued":
            return self.step.expand_as(self.in_slots)
        return torch.where(self.in_slots, self.step - self.lengths[:, None] - len(self.suffix), self.step)

    def attention(self, dtype: torch.dtype, encoder: bool) -> Tensor:
        """Return the mask for the backbone.

        A causal backbone without bidirectional slots gets (B, T) ones: without a mask, transformers takes positions
        that start anew for packed sequences and hides the residues from the slots. An encoder gets (B, T), 0 in the
        padding. Bidirectional slots get (B, 1, T, T), 0 where a token sees another and the least number elsewhere.
        """
        if encoder:
            return self.real.long()
        if self.slots.attention == "causal":
            return torch.ones_like(self.real, dtype=torch.long)
        mutual = self.in_slots if self.has_slots else self.in_residues
        seen = (self.step[0][:, None] >= self.step[0]) | (mutual[:, :, None] & mutual[:, None, :])
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)[
            :, None
        ]

    def states(self, backbone: Backbone, architecture: Architecture, embedded: Tensor) -> Tensor:
        """Return the last hidden states of a backbone for the embeddings of all tokens, both (B, T, H)."""
        options = {} if architecture.encoder else {"use_cache": False}
        states: Tensor = backbone(
            inputs_embeds=embedded * architecture.embedding_scale,
            attention_mask=self.attention(embedded.dtype, architecture.encoder),
            position_ids=self.positions(),
            **options,
        ).last_hidden_state
        return states

    def read(self, states: Tensor) -> Tensor:
        """Return from the states (B, T, H) of all tokens those of the slots, or of the residues: (B, L, H)."""
        first = self._first_slot if self.has_slots else torch.full_like(self.lengths[:, None], len(self.prefix))
        index = (torch.arange(self.longest, device=states.device) + first).clamp(max=states.shape[1] - 1)
        return states.gather(1, index[..., None].expand(-1, -1, states.shape[-1]))

    def pooled(self, states: Tensor) -> Tensor:
        """Return from the states (B, T, H) of all tokens the largest before the slots, by feature: (B, H), float32."""
        return states.float().masked_fill(~self.before_slots[..., None], -torch.inf).amax(1)

    @property
    def _first_slot(self) -> Tensor:
        return len(self.prefix) + self.lengths[:, None] + len(self.suffix)
