"""A network that writes coordinates as text after the residues: trained to continue, decoded greedily.

There are no slots. A chain becomes `prefix, residues, suffix, ;` and the text of `proteinmtp.model.coordinate_text`. In
training the whole text is read at once, padded on the right; in prediction it is written symbol by symbol, most likely
symbol first, with the backbone's cache of keys and values. A chain of L residues has about 8 L symbols, each of them a
pass through the backbone in prediction.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from proteinmtp.config.whole import RunConfig
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.backbone import BackboneError, embedding_scale
from proteinmtp.model.batch import Batch
from proteinmtp.model.coordinate_text import LINE_END, LONGEST_LINE, SYMBOLS, TEXT_END, encode, read, write
from proteinmtp.model.network import SlotNetwork
from proteinmtp.model.prediction import Prediction
from proteinmtp.model.tokens import ResidueTokenizer

SPACES = (" ", "\u0120", "\u2581")
"""How vocabularies write a space: as it is, in byte-level BPE, in SentencePiece."""


class WriterNetwork(SlotNetwork):
    """Backbone and the symbols of a text.

    Parameters:
        backbone: a causal language model without its LM head.
        config: of the run; without slots.
        tokenizer: of the backbone.

    Raises:
        BackboneError: for an encoder, which cannot continue a text.
    """

    def __init__(self, backbone: nn.Module, config: RunConfig, tokenizer: ResidueTokenizer):
        super().__init__(backbone, config, *tokenizer.frame(config.slots.prompt))
        if self.encoder:
            raise BackboneError(
                f"the head {config.head.kind} writes a text, which an encoder cannot: use a causal model"
            )
        settings = backbone.config.get_text_config()  # type: ignore[operator, union-attr]
        self.most_tokens: int = settings.max_position_embeddings
        vocabulary = tokenizer.tokenizer.get_vocab()
        names = [SPACES if symbol == " " else (symbol,) for symbol in SYMBOLS]
        ids = [next((vocabulary[name] for name in known if name in vocabulary), None) for known in names]
        table = backbone.get_input_embeddings().weight  # type: ignore[operator]
        self.head.begin(table, ids, settings.tie_word_embeddings)  # type: ignore[operator]

    def forward(self, batch: Batch) -> Prediction:
        """Return the logits of each symbol of the true text, given those before it."""
        chains = zip(batch.coords.cpu().numpy(), batch.lengths.tolist(), strict=True)
        return self.read_along(batch, [write(coords[:length]) for coords, length in chains])

    def read_along(self, batch: Batch, texts: Sequence[str]) -> Prediction:
        """Return the prediction whose `text` has the logits of each symbol of given texts, (B, T, SYMBOLS).

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
        return self.head(states, batch.mask)

    def predict(self, batch: Batch) -> Prediction:
        """Write the text of each chain and return what can be read from it; unread residues have NaN."""
        readings = [
            read(text, length) for text, length in zip(self.generate(batch), batch.lengths.tolist(), strict=True)
        ]
        found = [torch.from_numpy(reading.coords).float() for reading in readings]
        coords = pad_sequence(found, batch_first=True, padding_value=torch.nan).to(batch.residues.device)
        return Prediction(pairwise_distances(coords), coords=coords, readings=readings)

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
        cache = DynamicCache(config=self.backbone.config.get_text_config())  # type: ignore[operator, union-attr]
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
            logits = self.head(states, batch.mask).text
            symbols = logits[:, -1].argmax(-1)
            said = symbols.tolist()
            for row in sorted(unfinished):
                text = written[row] = written[row] + SYMBOLS[said[row]]
                full = text.endswith(LINE_END) and text.count(LINE_END) == lengths[row]
                if text.endswith(TEXT_END) or full or len(text) == room[row]:
                    unfinished.discard(row)
            if not unfinished:
                break
        return written

    def _prompts(self, batch: Batch) -> list[Tensor]:
        """Return the tokens before the text of each chain."""
        return [
            torch.cat([self.prefix, residues[:length], self.suffix])  # type: ignore[list-item]
            for residues, length in zip(batch.residues, batch.lengths.tolist(), strict=True)
        ]

    def _states(self, tokens: Tensor, seen: Tensor, places: Tensor, **options: Any) -> Tensor:
        """Return the last hidden states (B, T, H) of tokens (B, T); symbol s is the token -1 - s."""
        known = self.backbone.get_input_embeddings()(tokens.clamp(min=0))  # type: ignore[operator]
        rows = self.head.rows.to(known.dtype)[(-1 - tokens).clamp(min=0)]  # type: ignore[index]
        embedded = torch.where((tokens >= 0)[..., None], known, rows) * embedding_scale(self.backbone)
        return self.backbone(
            inputs_embeds=embedded, attention_mask=seen, position_ids=places, **options
        ).last_hidden_state
