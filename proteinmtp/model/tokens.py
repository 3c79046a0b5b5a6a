"""One token for each residue, and a dedicated slot token.

Subword tokenizers put several residues into one token (Qwen's BPE: 0.55 tokens a residue), so sequences are never
passed to them whole: each letter is looked up alone. SentencePiece vocabularies hold a letter twice, as "A" inside a
word and as "▁A" at its beginning: the first is taken, for all residues alike. The slot token is new to the tokenizer
and takes the first id that no token uses. No embedding row belongs to that id: the network has a row of its own for it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from proteinmtp.base.errors import UserError
from proteinmtp.base.residues import RESIDUES

SLOT = "<slot>"


class TokenizerError(UserError):
    """A tokenizer without a token of its own for each residue."""


class Tokens(Protocol):
    """What batches and networks ask of a tokenizer."""

    def encode(self, sequence: str) -> list[int]:
        """Return one token id for each residue."""

    def frame(self, prompt: str) -> tuple[list[int], list[int]]:
        """Return the token ids before and after the residues."""

    def vocabulary(self) -> Mapping[str, int]:
        """Return the id of each token."""


class ResidueTokenizer:
    """Token ids of residues, from any tokenizer that has the single letters.

    Parameters:
        tokenizer: its slot token is added if it has none.

    Raises:
        TokenizerError: naming the residues that have no token of their own.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        if SLOT not in tokenizer.get_vocab():
            tokenizer.add_special_tokens({"additional_special_tokens": [SLOT]})
        self.tokenizer = tokenizer
        self.slot_id: int = tokenizer.convert_tokens_to_ids(SLOT)
        ids = {letter: self._piece(letter) for letter in RESIDUES}
        if None in ids.values():
            ids = {letter: self._word(letter) for letter in RESIDUES}
        missing = [letter for letter, token in ids.items() if token is None]
        if missing:
            raise TokenizerError(f"the tokenizer has no single token for residue {', '.join(missing)}")
        self._ids = {letter: token for letter, token in ids.items() if token is not None}
        if len(set(self._ids.values())) < len(RESIDUES):
            raise TokenizerError("the tokenizer gives several residues the same token")

    @classmethod
    def from_folder(cls, folder: Path) -> "ResidueTokenizer":
        """Load the tokenizer in a backbone or run folder; no code from the folder is run."""
        return cls(AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False))

    def encode(self, sequence: str) -> list[int]:
        """Return one token id for each letter; letters that are no residue count as X."""
        unknown = self._ids["X"]
        return [self._ids.get(letter, unknown) for letter in sequence]

    def frame(self, prompt: str) -> tuple[list[int], list[int]]:
        """Return the token ids before and after the residues: what the tokenizer puts around a text, and the prompt.

        Raises:
            TokenizerError: if the prompt has words that are not in the vocabulary.
        """
        bare = self.tokenizer.encode("A", add_special_tokens=False)
        framed = self.tokenizer.encode("A", add_special_tokens=True)
        starts = range(len(framed) - len(bare) + 1)
        at = next((start for start in starts if framed[start : start + len(bare)] == bare), None)
        if at is None:
            raise TokenizerError("the tokenizer writes a text differently with its special tokens than without")
        words = self.tokenizer.encode(prompt, add_special_tokens=False) if prompt else []
        if self.tokenizer.unk_token_id is not None and self.tokenizer.unk_token_id in words:
            raise TokenizerError(f"slots.prompt: {prompt!r} has words that the backbone's tokenizer does not know")
        return framed[:at] + words, framed[at + len(bare) :]

    def vocabulary(self) -> Mapping[str, int]:
        """Return the id of each token by how it is written."""
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        return vocabulary

    def _piece(self, letter: str) -> int | None:
        """Return the id of the entry of the vocabulary that is the letter itself, as inside a word."""
        token = self.tokenizer.convert_tokens_to_ids(letter)
        return None if token == self.tokenizer.unk_token_id else token

    def _word(self, letter: str) -> int | None:
        """Return the id that the letter gets as a text of its own, if it is a single one."""
        ids = self.tokenizer.encode(letter, add_special_tokens=False)
        return ids[0] if len(ids) == 1 and ids[0] != self.tokenizer.unk_token_id else None
