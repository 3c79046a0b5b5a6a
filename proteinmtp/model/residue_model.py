"""The network that learns sequences: a language model that says which residue comes next, or which one is hidden.

Only residues are read out, not the whole vocabulary. What is kept of it is the backbone; the readout and the row that
stands for a hidden residue are thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from proteinmtp.base.residues import KNOWN
from proteinmtp.config import SlotsConfig
from proteinmtp.model.backbone import Architecture, Backbone, BackboneError
from proteinmtp.model.layout import Layout, token_count
from proteinmtp.model.network import Trainable
from proteinmtp.model.tokens import Tokens
from proteinmtp.tables.chains import ChainSequence

HIDDEN = 0.15
"""Share of the residues that are hidden under the masked objective, as in BERT (Devlin et al. 2019) and ESM."""
MASKS = ("<mask>", "[MASK]")
"""How vocabularies call a hidden token."""


@dataclass(frozen=True, kw_only=True)
class SequenceBatch:
    """Sequences padded on the right to the longest.

    Attributes:
        residues: (B, L) token ids, 0 in the padding.
        letters: (B, L) numbers in `KNOWN`, -1 in the padding and for unknown residues, which are read, not predicted.
        lengths: (B,) residues.
    """

    residues: Tensor
    letters: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> "SequenceBatch":
        """Return this batch on another device."""
        return SequenceBatch(
            residues=self.residues.to(device), letters=self.letters.to(device), lengths=self.lengths.to(device)
        )


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What is predicted.

    Attributes:
        logits: (B, L, len(KNOWN)) of each residue.
        asked: (B, L) True where the model had not seen the residue and it counts.
    """

    logits: Tensor
    asked: Tensor


class ResidueModel(Trainable[ChainSequence, SequenceBatch, Guess]):
    """A language model with a readout of residues.

    Parameters:
        backbone: without its LM head.
        masked: whether residues are hidden among others, which are seen both ways, or each is the next of those before.
        tokens: the backbone's tokenizer.

    Raises:
        BackboneError: for an encoder that is to predict the next residue, which it sees.
    """

    def __init__(self, backbone: Backbone, *, masked: bool, tokens: Tokens):
        super().__init__()
        self.architecture = Architecture.of(backbone.config)
        if self.architecture.encoder and not masked:
            raise BackboneError(
                f"backbone.pretrain.objective is causal, but the backbone ({self.architecture.kind}) is an encoder,"
                " whose tokens see all others: set it to masked"
            )
        self.backbone, self.masked = backbone, masked
        self.scaled = self.architecture.embedding_scale != 1
        self.slots = SlotsConfig(kind="none", attention="bidirectional" if masked else "causal")
        prefix, suffix = tokens.frame("")
        self.prefix: Tensor
        self.suffix: Tensor
        self.register_buffer("prefix", torch.tensor(prefix, dtype=torch.long), persistent=False)
        self.register_buffer("suffix", torch.tensor(suffix, dtype=torch.long), persistent=False)
        self.readout = nn.Linear(self.architecture.hidden_size, len(KNOWN))
        nn.init.zeros_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)
        if masked:
            table = backbone.get_input_embeddings().weight.detach().float()
            known = tokens.vocabulary()
            token = next((known[name] for name in MASKS if known.get(name, len(table)) < len(table)), None)
            row = table.mean(0) if token is None else table[token].clone()
            self.hidden_row = nn.Parameter(torch.zeros_like(row) if self.scaled else row)

    def collate(self, chains: Sequence[ChainSequence], tokens: Sequence[Sequence[int]]) -> SequenceBatch:
        """Return a batch of sequences and their token ids."""
        longest = max(map(len, chains))
        residues = torch.zeros(len(chains), longest, dtype=torch.long)
        letters = torch.full_like(residues, -1)
        for row, (chain, ids) in enumerate(zip(chains, tokens, strict=True)):
            residues[row, : len(chain)] = torch.tensor(ids)
            letters[row, : len(chain)] = torch.tensor([NUMBER.get(letter, -1) for letter in chain.sequence])
        return SequenceBatch(residues=residues, letters=letters, lengths=torch.tensor([len(chain) for chain in chains]))

    def forward(self, batch: SequenceBatch) -> Guess:
        """Return the guess; under the masked objective other residues are hidden at each call, while training."""
        asked = batch.letters >= 0
        residues = batch.residues
        if self.masked:
            asked &= self._drawn(residues)
            residues = residues.masked_fill(asked, -1)
        layout = Layout(
            lengths=batch.lengths, longest=residues.shape[1], slots=self.slots, prefix=self.prefix, suffix=self.suffix
        )
        tokens = layout.tokens(residues)
        embedded: Tensor = self.backbone.get_input_embeddings()(tokens.clamp(min=0))
        if self.masked:
            embedded = torch.where((tokens < 0)[..., None], self.hidden_row.to(embedded.dtype), embedded)
            if self.scaled:  # ESM-2 embeds what is hidden as zeros and scales up the rest
                around = len(self.prefix) + len(self.suffix)
                embedded = embedded / (1 - asked.sum(1) / (batch.lengths + around))[:, None, None]
        states = layout.states(self.backbone, self.architecture, embedded)
        with torch.autocast(states.device.type, enabled=False):
            logits = self.readout(layout.read(states).float())
        if not self.masked:  # the state of a residue says the one after it
            logits = functional.pad(logits[:, :-1], (0, 0, 1, 0))
            asked[:, 0] = False
        return Guess(logits=logits, asked=asked)

    def loss(self, prediction: Guess, batch: SequenceBatch) -> Tensor:
        """Return the mean over the residues of each chain that were asked for, (B,) nats; 0 where none was."""
        missed, asked = self.missed(prediction, batch)
        return missed / asked.clamp(min=1)

    def missed(self, prediction: Guess, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """Return minus the log-likelihood of the residues asked for, nats, and their number, both (B,)."""
        each = functional.cross_entropy(prediction.logits.transpose(1, 2), batch.letters.clamp(min=0), reduction="none")
        return (each * prediction.asked).sum(1), prediction.asked.sum(1)

    def distance_error(self, prediction: Guess, batch: SequenceBatch) -> None:
        """Return None: there are no distances."""

    def tokens_of(self, length: int) -> int:
        """Return how many tokens a sequence of `length` residues is."""
        return token_count(length, self.slots, around=len(self.prefix) + len(self.suffix))

    def _drawn(self, residues: Tensor) -> Tensor:
        """Return which residues are hidden, (B, L); the same ones for the same batch where nothing is trained."""
        generator = None if self.training else torch.Generator().manual_seed(0)
        return (torch.rand(residues.shape, generator=generator) < HIDDEN).to(residues.device)


NUMBER = {letter: number for number, letter in enumerate(KNOWN)}
