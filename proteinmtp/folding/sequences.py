"""Sequences to fold, from FASTA, CSV, TSV or Parquet. What cannot be folded is refused with a reason."""

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from proteinmtp.base.errors import ConfigError, DataError
from proteinmtp.base.files import text_sha256
from proteinmtp.base.residues import KNOWN, UNKNOWN
from proteinmtp.tables.folded import Refusal

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
TABLES = {".csv": ",", ".tsv": "\t"}
COLUMNS = ("id", "sequence")
GAPS = "-."
OTHER_RESIDUES = "UOBZJ"
"""IUPAC's letters of what is not one of the twenty: selenocysteine, pyrrolysine, and three that leave it open."""
LEAST = 5
"""Residues; a shorter chain has no fold."""


@dataclass(frozen=True)
class Target:
    """A sequence to fold: a name that no other has, one letter for each residue, and what was changed in reading."""

    name: str
    sequence: str
    note: str = ""


def read_sequences(source: Path | bytes, name: str = "") -> list[tuple[str, str]]:
    """Return the names and sequences of an input as they stand in it.

    Parameters:
        source: a file, or what came through a pipe; gzip too. FASTA, Parquet (both by content), or a table by the name.
        name: what decides between table and FASTA; by default the file's.

    Raises:
        DataError: in one line, if nothing can be read.
    """
    label = name or (source.name if isinstance(source, Path) else "the input")
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        if data.startswith(GZIP_MAGIC):
            data, label = gzip.decompress(data), re.sub(r"\.gz$", "", label, flags=re.IGNORECASE)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {label}; one sequence is folded with --sequence") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{label} cannot be read: {' '.join(str(error).split())}") from error
    suffix = Path(label).suffix.lower()
    if data.startswith(PARQUET_MAGIC) or suffix in TABLES:
        return _of_table(data, label, TABLES.get(suffix))
    if re.search(rb"^ATOM  .{70}|^_atom_site\.", data, re.MULTILINE):
        raise DataError(f"{label} is a structure file, and holds no sequence to fold: give a FASTA file")
    if b"\0" in data:
        raise DataError(f"{label} is no text: give a FASTA file, or a table with the columns id and sequence")
    found = list(_of_fasta(data.decode("utf-8-sig", errors="replace")))
    if not found:
        raise DataError(f"{label} holds no sequence")
    return found


def read_listed(source: Path, key: str) -> list[tuple[str, str]]:
    """Read sequences as `read_sequences` does, for the configuration.

    Raises:
        ConfigError: naming the key.
    """
    if not source.is_file():
        raise ConfigError(f"{key}: there is no file {source}; a relative path counts from the current folder")
    try:
        return read_sequences(source)
    except DataError as error:
        raise ConfigError(f"{key}: {error}") from None


def sequences_digest(records: Iterable[tuple[str, str]]) -> str:
    """Return a hash of what `read_sequences` gives, which a touched file does not change."""
    return text_sha256(*(text for record in records for text in record))


def targets_of(
    records: Iterable[tuple[str, str]], *, longest: int | None
) -> tuple[Sequence[Target], Sequence[Refusal]]:
    """Return what can be folded, and what cannot.

    Parameters:
        records: names and sequences; of a header the first word is the name.
        longest: residues that the model takes; None: any number.
    """
    targets: dict[str, tuple[int, Target]] = {}
    refused = []
    for number, (header, given) in enumerate(records, 1):
        words = header.split(maxsplit=1)
        name = words[0] if words else f"record-{number}"
        try:
            if name in targets:
                raise _RefusedError(f"the name is that of record {targets[name][0]}; give it another")
            targets[name] = (number, _checked(name, given, longest))
        except _RefusedError as error:
            refused.append(Refusal(record=number, name=name, reason=str(error)))
    return [target for _, target in targets.values()], refused


class _RefusedError(ValueError):
    """Why a record is not folded."""


def _checked(name: str, given: str, longest: int | None) -> Target:
    # What is no ASCII has no upper case that is a residue, though it may have one that looks so.
    letters = "".join(letter.upper() if letter.isascii() else letter for letter in re.sub(r"\s", "", given))
    sequence = letters.translate(str.maketrans("", "", GAPS))
    notes = [f"{len(letters) - len(sequence)} gaps left out"] if len(sequence) < len(letters) else []
    sequence = sequence.rstrip("*")
    if not sequence:
        raise _RefusedError("no residues")
    wrong = next((at for at, letter in enumerate(sequence) if letter not in KNOWN + UNKNOWN + OTHER_RESIDUES), None)
    if wrong is not None:
        raise _RefusedError(f"residue {wrong + 1} is {sequence[wrong]!a}, which is no amino acid")
    if len(sequence) < LEAST:
        raise _RefusedError(f"{len(sequence)} residues, at least {LEAST} are needed")
    if longest is not None and len(sequence) > longest:
        raise _RefusedError(f"{len(sequence)} residues, at most {longest} are taken")
    other = sum(sequence.count(letter) for letter in OTHER_RESIDUES)
    if other:
        notes.append(f"{other} residues read as {UNKNOWN}")
    return Target(
        name, sequence.translate(str.maketrans(OTHER_RESIDUES, UNKNOWN * len(OTHER_RESIDUES))), ", ".join(notes)
    )


def _of_table(data: bytes, label: str, separator: str | None) -> list[tuple[str, str]]:
    try:
        table = (
            pl.read_parquet(io.BytesIO(data))
            if separator is None
            else pl.read_csv(io.BytesIO(data), separator=separator, infer_schema=False)
        )
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise DataError(f"{label} has no column {missing[0]}; its columns are {', '.join(table.columns)[:200]}")
        return list(table.select(pl.col(name).cast(pl.String).fill_null("") for name in COLUMNS).iter_rows())
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise DataError(f"{label} cannot be read as a table: {' '.join(str(error).split())[:200]}") from error


def _of_fasta(text: str) -> Iterator[tuple[str, str]]:
    """Yield header and letters of each record; letters before the first header have none."""
    header = ""
    lines: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text):
        if line.startswith(">"):
            if header or lines:
                yield header, "".join(lines)
            header, lines = line[1:].strip() or " ", []
        elif line.strip() and not line.startswith(";"):
            lines.append(line)
    if header or lines:
        yield header, "".join(lines)
