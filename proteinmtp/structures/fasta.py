"""Sequences from FASTA files."""

import gzip
import zlib
from pathlib import Path

import gemmi

from proteinmtp.base.errors import DataError
from proteinmtp.base.residues import RESIDUES, UNKNOWN


def read_fasta(path: Path) -> list[str]:
    """Return the one-letter sequences of a FASTA file, .gz or not; a letter that is no residue becomes X.

    Raises:
        DataError: naming a file that cannot be read, or holds no sequences.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        entries = (entry.seq.upper().rstrip("*") for entry in gemmi.read_pir_or_fasta(text))
        sequences = [sequence for sequence in entries if sequence]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read as FASTA: {' '.join(str(error).split())}") from error
    if not sequences:
        raise DataError(f"{path} holds no sequence")
    return ["".join(letter if letter in RESIDUES else UNKNOWN for letter in sequence) for sequence in sequences]
