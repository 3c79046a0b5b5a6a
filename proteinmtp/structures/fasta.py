"""Sequences from FASTA files."""

import gzip
import zlib
from pathlib import Path

import gemmi

from proteinmtp.base.errors import DataError
from proteinmtp.base.residues import RESIDUES, UNKNOWN

GAPS = str.maketrans("", "", "-.")


def read_fasta(path: Path) -> list[str]:
    """Return the one-letter sequences of a FASTA file, .gz or not.

    A letter that is no residue becomes X, as does a stop within; gaps of alignments and stops at the end are left out.

    Raises:
        DataError: naming a file that cannot be read, or holds no sequences.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix.lower() == ".gz" else data).decode("utf-8-sig")
        lines = (line if line.startswith(">") else _residues(line) for line in text.splitlines())
        entries = gemmi.read_pir_or_fasta("\n".join(line for line in lines if line))
        sequences = [entry.seq.upper() for entry in entries if entry.seq]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read as FASTA: {' '.join(str(error).split())}") from error
    if not sequences:
        raise DataError(f"{path} holds no sequence")
    return ["".join(letter if letter in RESIDUES else UNKNOWN for letter in sequence) for sequence in sequences]


def _residues(line: str) -> str:
    """Return the letters of a line of a sequence; nothing of a comment."""
    return "" if line.startswith(";") else line.strip().rstrip("*").replace("*", UNKNOWN).translate(GAPS)
