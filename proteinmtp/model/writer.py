"""A network that writes coordinates as text after the residues: trained to continue, decoded greedily.

There are no slots. A chain becomes `prefix, residues, suffix, ;` and the text of `proteinmtp.model.coordinate_text`. In
training the whole text is read at once, padded on the right; in prediction it is written symbol by symbol, most likely
symbol first, with the backbone's cache of keys and values. A chain of L residues has about 8 L symbols, each of them a
pass through the backbone in prediction.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from proteinmtp.base.errors import PartError
from proteinmtp.config import SlotsConfig
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.backbone import Backbone, BackboneError
from proteinmtp.model.batch import Batch
from proteinmtp.model.coordinate_text import LINE_END, LONGEST_LINE, SYMBOLS, TEXT_END, encode, read, write
from proteinmtp.model.head import HeadBase, TextHead
from proteinmtp.model.loss import Term
from proteinmtp.model.network import Network
from proteinmtp.model.prediction import TextPrediction, WrittenPrediction
from proteinmtp.model.tokens import Tokens

SPACES = (" ", "\u0120", "\u2581")
"""How vocabularies write a space: as it is, in byte-level BPE, in SentencePiece."""


class WritingHead(TextHead):
    """A head whose symbols can be read again: `rows` (SYMBOLS, H) are their embeddings."""

    rows: nn.Parameter

    @abstractmethod
    def begin(self, table: Tensor, ids: Sequence[int | None], *, tied: bool) -> None:
        """Begin with what the backbone knows of the symbols.

        Parameters:
            table: (V, H), embeddings of the backbone's tokens.
            ids: the token of each symbol, None where it has none.
            tied: whether the backbone reads out with its embedding table; then the head may too.
        """


class WriterNetwork(Network[TextPrediction]):
    """Backbone and the symbols of a text; see `Network`.

    Raises:
        BackboneError: for an encoder, which cannot continue a text.
        PartError: if the head has no symbols that can be read again.
    """

    head: WritingHead

    def __init__(
        self,
        backbone: Backbone,
        *,
        head: HeadBase,
        terms: Sequence[Term[TextPrediction]],
        slots: SlotsConfig,
        tokens: Tokens,
    ):
        super().__init__(backbone, head=head, terms=terms, slots=slots, tokens=tokens)
        if not isinstance(head, WritingHead):
            raise PartError(f"{type(head).__module__}: a network that writes needs a WritingHead")
        if self.architecture.encoder or self.architecture.positions is None:
            raise BackboneError(
                f"the head {type(head).__module__.rpartition('.')[2]} writes a text, which an encoder cannot: use a"
                " causal model"
            )
        self.most_tokens = self.architecture.positions
        vocabulary = tokens.vocabulary()
        names = [SPACES if symbol == " " else (symbol,) for symbol in SYMBOLS]
        ids = [next((vocabulary[name] for name in known if name in vocabulary), None) for known in names]
        head.begin(backbone.get_input_embeddings().weight, ids, tied=self.architecture.tied)

    def forward(self, batch: Batch) -> TextPrediction:
        """Return the logits of each symbol of the true text, given those before it."""
        chains = zip(batch.coords.cpu().numpy(), batch.lengths.tolist(), strict=True)
        return self.read_along(batch, [write(coords[:length]) for coords, length in chains])

    def read_along(self, batch: Batch, texts: Sequence[str]) -> TextPrediction:
        """Return the logits of each symbol of given texts, (B, T, SYMBOLS).

        Parameters:
            batch: chains; their coordinates are not looked at.
            texts: one for each.

        Raises:
            BackboneError: if residues and text are more tokens than the backbone has positions for.
        """
        before = self._prompts(batch)
        whole = [
            torch.cat([prompt, -1 - torch.tensor(encode(LINE_END + text[:-1]), device=prompt.device)])
            for prompt, text in zip(before, texts, strict=True)
        ]
        tokens = pad_sequence(whole, batch_first=True)
        if tokens.shape[1] > self.most_tokens:
            raise BackboneError(
                f"a chain of {int(batch.lengths.max())} residues and its text are {tokens.shape[1]} tokens; the"
                f" backbone has positions for {self.most_tokens}: lower parse.max_length"
            )
        places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        states = self._states(tokens, torch.ones_like(tokens), places, use_cache=False)
        first = torch.tensor([len(prompt) for prompt in before], device=tokens.device)
        longest = max(len(text) for text in texts)
        where = (first[:, None] + torch.arange(longest, device=tokens.device)).clamp(max=tokens.shape[1] - 1)
        states = states.gather(1, where[..., None].expand(-1, -1, states.shape[-1]))
        prediction: TextPrediction = self.head(states, batch.mask)
        return prediction

    def predict(self, batch: Batch) -> WrittenPrediction:
        """Write the text of each chain and return what can be read from it; unread residues have NaN."""
        readings = [
            read(text, length) for text, length in zip(self.generate(batch), batch.lengths.tolist(), strict=True)
        ]
        traces = [torch.from_numpy(reading.coords).float() for reading in readings]
        coords = pad_sequence(traces, batch_first=True, padding_value=torch.nan).to(batch.residues.device)
        return WrittenPrediction(coords=coords, distances=pairwise_distances(coords), readings=readings)

    def distance_error(self, prediction: TextPrediction, batch: Batch) -> None:
        """Return None: a text would have to be written first."""

    @torch.no_grad()
    def generate(self, batch: Batch) -> list[str]:
        """Return the text that the model writes for each chain, the most likely symbol at every place.

        A text is cut off where a line more than residues begins, where it is longer than any text of its residues can
        be, and where the backbone has no more positions.
        """
        prompts = self._prompts(batch)
        device = prompts[0].device
        start = torch.tensor([len(prompt) for prompt in prompts], device=device)
        lengths = batch.lengths.tolist()
        room = [min(LONGEST_LINE * n, self.most_tokens - len(p)) for n, p in zip(lengths, prompts, strict=True)]
        tokens = pad_sequence(prompts, batch_first=True, padding_side="left")
        width = tokens.shape[1]
        # Padding is on the left here: prompt and text lie side by side, as sliding windows count.
        places = torch.arange(width, device=device) - width + start[:, None]
        seen = torch.cat([places >= 0, places.new_ones(len(prompts), max(room), dtype=torch.bool)], dim=1)
        cache = DynamicCache(config=self.backbone.config.get_text_config())
        self._states(tokens, seen[:, :width].long(), places.clamp(min=0), past_key_values=cache, use_cache=True)
        symbols = torch.tensor(encode(LINE_END), device=device).expand(len(prompts))
        written = [""] * len(prompts)
        unfinished = set(range(len(prompts)))
        for step in range(max(room)):
            states = self._states(
                -1 - symbols[:, None],
                seen[:, : width + step + 1].long(),
                (start + step)[:, None],
                past_key_values=cache,
                use_cache=True,
            )
            prediction: TextPrediction = self.head(states, batch.mask)
            symbols = prediction.text[:, -1].argmax(-1)
            chosen = symbols.tolist()
            for row in sorted(unfinished):
                text = written[row] = written[row] + SYMBOLS[chosen[row]]
                full = text.endswith(LINE_END) and text.count(LINE_END) == lengths[row]
                if text.endswith(TEXT_END) or full or len(text) == room[row]:
                    unfinished.discard(row)
            if not unfinished:
                break
        return written

    def _prompts(self, batch: Batch) -> list[Tensor]:
        """Return the tokens before the text of each chain."""
        return [
            torch.cat([self.prefix, residues[:length], self.suffix])
            for residues, length in zip(batch.residues, batch.lengths.tolist(), strict=True)
        ]

    def _states(self, tokens: Tensor, seen: Tensor, places: Tensor, **options: Any) -> Tensor:
        """Return the last hidden states (B, T, H) of tokens (B, T); symbol s is the token -1 - s."""
        known = self.backbone.get_input_embeddings()(tokens.clamp(min=0))
        rows = self.head.rows.to(known.dtype)[(-1 - tokens).clamp(min=0)]
        embedded = torch.where((tokens >= 0)[..., None], known, rows) * self.architecture.embedding_scale
        return self.backbone(
            inputs_embeds=embedded, attention_mask=seen, position_ids=places, **options
        ).last_hidden_state
