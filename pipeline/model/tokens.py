"""One token for each residue, and a dedicated slot token.

Subword tokenizers put several residues into one token (Qwen's BPE: 0.55 tokens a residue), so sequences are never
passed to them whole: each letter is looked up alone. The slot token is new to the tokenizer and takes the first id
that no token uses.
"""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

RESIDUES = "ACDEFGHIKLMNPQRSTVWYX"
SLOT = "<slot>"


class TokenizerError(ValueError):
    """A tokenizer without a token of its own for each residue."""


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
        ids = {letter: self._single_id(letter) for letter in RESIDUES}
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
        """Return the ids before and after the residues: the prompt, and what the tokenizer puts around any text."""
        residue = self._ids["A"]
        ids = self.tokenizer.encode("A", add_special_tokens=True)
        begin, end = (ids[: ids.index(residue)], ids[ids.index(residue) + 1 :]) if residue in ids else ([], [])
        return begin + self.tokenizer.encode(prompt, add_special_tokens=False) if prompt else begin, end

    def _single_id(self, letter: str) -> int | None:
        ids = self.tokenizer.encode(letter, add_special_tokens=False)
        if len(ids) == 1 and ids[0] != self.tokenizer.unk_token_id:
            return ids[0]
        token = self.tokenizer.convert_tokens_to_ids(letter)
        return None if token is None or token == self.tokenizer.unk_token_id else token
