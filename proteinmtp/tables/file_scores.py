"""Pairs of structure files to score, and their scores: tables that people write and read, as CSV, TSV or Parquet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import polars as pl

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import atomic
from proteinmtp.base.metrics import NAMES

NEEDED = ("native", "model")


class PairsTableError(DataError):
    """A table of pairs that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class FilePair:
    """A row of a table of pairs: two files, relative to the table's folder, and what is asked of them, if anything."""

    native: str | None
    model: str | None
    name: str | None = None
    seqres: str | None = None
    native_chain: str | None = None
    model_chain: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileScores:
    """Scores of one model.

    Attributes:
        native_chain, model_chain: names of the chains that were scored.
        length: residues of the full sequence.
        observed: residues of the native with a C-alpha position; TM-score and GDT are divided by it.
        placed: observed residues that the model has too.
        identity: fraction of the model's residues on the sequence that have its letter.
        scores: a value for each of `proteinmtp.base.metrics.NAMES`; None where there is none.
    """

    native_chain: str
    model_chain: str
    length: int
    observed: int
    placed: int
    identity: float
    scores: Mapping[str, float | None]

    def flat(self) -> dict[str, str | float | None]:
        """Return all values, the scores among them, by column."""
        values = asdict(self)
        del values["scores"]
        return {**values, **self.scores}


@dataclass(frozen=True, kw_only=True)
class ScoredPair:
    """A pair with its scores, or with the reason why it has none."""

    pair: FilePair
    result: FileScores | str


def read_pairs(path: Path) -> list[FilePair]:
    """Return the rows of a table of pairs; columns that are not those of `FilePair` are left out.

    Parameters:
        path: CSV, TSV or Parquet, as the name ends.

    Raises:
        PairsTableError: if it cannot be read, lacks a column, or has no rows.
    """
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(path, infer_schema=False, separator=_separator(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PairsTableError(f"{path}: {' '.join(str(error).split())}") from error
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        there = ", ".join(frame.columns)
        raise PairsTableError(f"{path}: no column {' and no column '.join(missing)}; it has {there}")
    if not len(frame):
        raise PairsTableError(f"{path}: no rows")
    known = [field.name for field in fields(FilePair) if field.name in frame.columns]
    return [FilePair(**row) for row in frame.select(pl.col(known).cast(pl.String)).iter_rows(named=True)]


def write_scores(path: Path, rows: Iterable[ScoredPair]) -> None:
    """Write one row for each pair, in order: CSV, TSV or Parquet, as the name ends."""
    texts = ("name", *NEEDED, "native_chain", "model_chain")
    schema: dict[str, pl.DataType] = dict.fromkeys(texts, pl.String())
    schema |= dict.fromkeys(("length", "observed", "placed"), pl.Int32())
    schema |= dict.fromkeys(("identity", *NAMES), pl.Float64())
    schema["error"] = pl.String()
    frame = pl.DataFrame([_cells(row, list(schema)) for row in rows], schema=schema)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            frame.write_csv(temporary, separator=_separator(path))


def _cells(row: ScoredPair, columns: Sequence[str]) -> dict[str, str | float | None]:
    values: dict[str, str | float | None] = {
        "name": row.pair.name, "native": row.pair.native, "model": row.pair.model,
    }  # fmt: skip
    values |= {"error": row.result} if isinstance(row.result, str) else row.result.flat()
    return {name: values.get(name) for name in columns}


def _separator(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","
