"""Subsets in a table that somebody else made, such as LP-PDBBind's (Li et al. 2024).

A row names an entry (or one chain of it) and its subset: train, val or test. Rows without a word, and chains
without a row, are in no subset.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import safe_id, text_sha256
from proteinmtp.config import TableSplit

WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}

PDB_CODE = re.compile(r"[0-9][0-9A-Za-z]{3}(?=[_-]|$)")


class SubsetTableError(DataError):
    """A table of subsets that cannot be used."""


@dataclass(frozen=True)
class SubsetTable:
    """The subset for each key, as written, with PDB codes in lower case, and as ids are made of the names of files.

    None where the table gives no word. `origin` names the place of the keys, for messages.
    """

    origin: str
    exact: Mapping[str, str | None]
    folded: Mapping[str, str | None]
    as_ids: Mapping[str, str | None]

    def find(self, *keys: str) -> tuple[bool, str | None]:
        """Return whether the table has a row for the first of `keys` that it knows, and the subset of that row.

        A key is looked for as it is written, then with its four-letter PDB code in lower case; what follows the
        code, the chain, keeps its case. At last as an id: the file `my_chain.pdb` is the entry `my-chain`.
        """
        for table, form in ((self.exact, str), (self.folded, _fold), (self.as_ids, _as_id)):
            for key in map(form, keys):
                if key in table:
                    return True, table[key]
        return False, None


def read_subset_table(config: TableSplit) -> SubsetTable:
    """Read the table that `config` names: CSV or TSV (.gz too), or Parquet.

    Raises:
        SubsetTableError: if the table or a column is missing, a word is not known, or a key has two different words.
    """
    path = Path(config.path or "")
    frame = _read(path, config)
    first_row = 1 if path.suffix == ".parquet" else 2
    exact: dict[str, str | None] = {}
    folded: dict[str, str | None] = {}
    rows_of: dict[str, int] = {}
    for row, (key, word) in enumerate(frame.iter_rows(), first_row):
        where = f"split.table: {path}, row {row}"
        if not key:
            raise SubsetTableError(f"{where}: column {config.key!r} is empty; each row must name a chain or an entry")
        subset = WORDS.get(word.lower()) if word else None
        if word and subset is None:
            raise SubsetTableError(
                f"{where}: {key} has {word!r} in column {config.column!r}; write train, val (or valid, validation), "
                "test, or nothing for a chain that is in none"
            )
        before = rows_of.setdefault(_fold(key), row)
        if before != row and folded[_fold(key)] != subset:
            raise SubsetTableError(
                f"{where}: {key} is {subset or 'in no subset'} here and {folded[_fold(key)] or 'in no subset'} "
                f"in row {before}; keep one of the two"
            )
        exact[key] = folded[_fold(key)] = subset
    return SubsetTable(f"column {config.key!r} of {path}", exact, folded, _unambiguous(exact))


def table_digest(config: TableSplit) -> str:
    """Return a hash of the subsets in the table, which a touched file or a new order of rows does not change.

    Raises:
        SubsetTableError: see `read_subset_table`.
    """
    return text_sha256(*(f"{key} {subset}" for key, subset in sorted(read_subset_table(config).exact.items())))


def _read(path: Path, config: TableSplit) -> pl.DataFrame:
    """Return two text columns without surrounding blanks: key and subset."""
    if not path.is_file():
        raise SubsetTableError(
            f"split.table.path: there is no file {path}; the path is relative to where snakemake runs"
        )
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind != ".parquet" and kind not in SEPARATORS:
        raise SubsetTableError(f"split.table.path: {path} is neither .csv, .tsv nor .parquet; convert or rename it")
    try:
        # Nothing is inferred: the code 1e10 would be read as a number.
        frame = (
            pl.read_parquet(path)
            if kind == ".parquet"
            else pl.read_csv(path, separator=SEPARATORS[kind], infer_schema=False)
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SubsetTableError(f"split.table.path: {path} cannot be read as a {kind} table: {reason}") from None
    for leaf, name in (("key", config.key), ("column", config.column)):
        if name not in frame.columns:
            there = ", ".join(repr(column) for column in frame.columns)
            raise SubsetTableError(f"split.table.{leaf}: {path} has no column {name!r}; it has {there}")
    return frame.select(
        pl.col(config.key).cast(pl.String).str.strip_chars().alias("key"),
        pl.col(config.column).cast(pl.String).str.strip_chars().alias("subset"),
    )


def _unambiguous(exact: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the subset for each key as an id, without those of which two keys with different subsets are made."""
    subsets: dict[str, set[str | None]] = {}
    for key, subset in exact.items():
        subsets.setdefault(_as_id(key), set()).add(subset)
    return {key: next(iter(words)) for key, words in subsets.items() if len(words) == 1}


def _as_id(key: str) -> str:
    return safe_id(_fold(key))


def _fold(key: str) -> str:
    key = re.sub(r"^pdb[_-](?=[0-9a-z]{8})", "pdb-", key, flags=re.IGNORECASE)
    code = PDB_CODE.match(key)
    return key[:4].lower() + key[4:] if code else key
