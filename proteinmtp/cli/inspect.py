"""`proteinmtp inspect FILE`: a look into any Parquet table of the project, for people."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
import typer

from proteinmtp.base.errors import UserError
from proteinmtp.cli.console import Page
from proteinmtp.tables.descriptions import TextTable, marked_sequence
from proteinmtp.tables.kinds import kind_of
from proteinmtp.tables.parquet import read_columns, read_metadata

LINE = 60
"""Residues in a line of a sequence."""

KEYS = ("chain_id", "entry_id")
"""Columns that name a row, the first that a table has."""


class InspectError(UserError):
    """A chain that cannot be shown."""


def inspect(
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A Parquet file of the workflow.")],
    chain: Annotated[
        str | None, typer.Option(help="Show this chain in full, or this entry where a table has no chain ids.")
    ] = None,
) -> None:
    """Show what a table holds and what its columns mean, with units; or one chain of it."""
    page = Page()
    for section in overview(table) if chain is None else one_row(table, chain):
        page.line(section.title, bold=True)
        page.table(section.headers, section.rows)
        page.line()


def overview(path: Path) -> list[TextTable]:
    """Return what a table is and holds.

    Raises:
        DataError: if it is none of the project.
    """
    kind = kind_of(path)
    file = pq.read_metadata(path)
    facts = [
        ("kind", "unknown" if kind is None else kind.table.name),
        ("rows", f"{file.num_rows:,} in {file.num_row_groups} row groups"),
        ("bytes", f"{path.stat().st_size:,}"),
        *sorted(read_metadata(path).items()),
    ]
    meaning = {} if kind is None else kind.table.meaning
    columns = [
        (field.name, str(field.type), meaning[field.name][1] if field.name in meaning else "not known to this version")
        for field in pq.read_schema(path)
    ]
    return [
        TextTable(str(path), ("", ""), facts),
        *(kind.describe(path) if kind is not None and kind.describe is not None else []),
        TextTable("columns", ("name", "type", "meaning, unit"), columns),
    ]


def one_row(path: Path, name: str) -> list[TextTable]:
    """Return all of the rows of a chain (or entry): values, the whole sequence, and ranges of the arrays.

    Raises:
        DataError: if this is no table of the project.
        InspectError: if it has no such chain.
    """
    kind_of(path)
    columns = pq.read_schema(path).names
    key = next((column for column in KEYS if column in columns), None)
    if key is None:
        raise InspectError(f"{path} has neither {' nor '.join(KEYS)}, so no row can be named")
    names = [value for (value,) in read_columns(path, [key])]
    if name not in names:
        close = difflib.get_close_matches(name, [other for other in names if other], n=3)
        hint = f"; there is {', '.join(close)}" if close else ""
        raise InspectError(f"{path} has no {key} {name!r}{hint}")
    rows = (dict(zip(columns, values, strict=True)) for values in read_columns(path, columns))
    return [section for row in rows if row[key] == name for section in _row_sections(name, row)]


def _row_sections(name: str, row: Mapping[str, object]) -> list[TextTable]:
    facts = [(column, _text(value)) for column, value in row.items() if column != "sequence"]
    sections = [TextTable(name, ("", ""), facts)]
    sequence, observed = row.get("sequence"), row.get("observed")
    if isinstance(sequence, str) and sequence:
        marked = marked_sequence(sequence, observed if isinstance(observed, np.ndarray) else None)
        lines = [(str(at + 1), marked[at : at + LINE]) for at in range(0, len(marked), LINE)]
        sections.append(TextTable("sequence (lower case: not observed)", ("from", ""), lines))
    return sections


def _text(value: object) -> str:
    if value is None:
        return "-"
    if not isinstance(value, np.ndarray):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    shape = " x ".join(str(size) for size in value.shape)
    if value.dtype == bool:
        return f"{shape}, {value.sum()} true"
    finite = value[np.isfinite(value)]
    known = f"{finite.min():.2f} to {finite.max():.2f}, " if len(finite) else ""
    return f"{shape} {value.dtype}, {known}{value.size - len(finite)} not finite"
