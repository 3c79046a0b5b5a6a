"""A look into any Parquet table of the project, for people: `proteinmtp inspect FILE`."""

import difflib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proteinmtp.tables.inspect_kinds_ import KINDS, Section, marked_sequence
from proteinmtp.tables.parquet import read_metadata, read_rows

LINE = 60
"""Residues in a line of a sequence."""

PIPED_WIDTH = 10_000
"""Characters of a line that goes to a file or a pipe: nothing is broken or cut."""


class InspectError(ValueError):
    """A file or a chain that cannot be shown."""


def show(path: Path, chain: str | None = None) -> None:
    """Print what the table at `path` holds, or all of one of its rows; with frames on a terminal, plain in a pipe.

    Parameters:
        path: a Parquet file that the pipeline wrote.
        chain: chain id, or entry id where a table has no chain ids.

    Raises:
        InspectError: if this is no table of ours, or has no such chain.
    """
    sections = overview(path) if chain is None else one_row(path, chain)
    framed = sys.stdout.isatty()
    console = Console(width=None if framed else PIPED_WIDTH, highlight=False)
    for section in sections:
        console.print(section.title, style="bold", markup=False)
        console.print(_table(section, framed))
        console.print()


def overview(path: Path) -> list[Section]:
    """Return what the table is and holds; raises as `show` does."""
    kind = table_kind(path)
    file = pq.read_metadata(path)
    facts = [
        ("kind", kind),
        ("rows", f"{file.num_rows:,} in {file.num_row_groups} row groups"),
        ("bytes", f"{path.stat().st_size:,}"),
        *sorted(read_metadata(path).items()),
    ]
    columns = [(field.name, str(field.type)) for field in pq.read_schema(path)]
    describe = KINDS[kind][1] if kind in KINDS else None
    return [
        Section(str(path), ("", ""), facts),
        *(describe(path) if describe else []),
        Section("columns", ("name", "type"), columns),
    ]


def one_row(path: Path, name: str) -> list[Section]:
    """Return all of the rows of a chain (or entry): values, the whole sequence, and ranges of the arrays."""
    table_kind(path)
    columns = pq.read_schema(path).names
    key = next((column for column in ("chain_id", "entry_id") if column in columns), None)
    if key is None:
        raise InspectError(f"{path} has neither chain_id nor entry_id, so no row can be named")
    rows = [row for row in read_rows(path) if row[key] == name]
    if not rows:
        close = difflib.get_close_matches(name, [row[key] for row in read_rows(path, [key]) if row[key]], n=3)
        hint = f"; there is {', '.join(close)}" if close else ""
        raise InspectError(f"{path} has no {key} {name!r}{hint}")
    return [section for row in rows for section in _row_sections(name, row)]


def table_kind(path: Path) -> str:
    """Return which of the project's tables this is, told from its columns; `unknown` with our metadata only.

    Raises:
        InspectError: if it is no Parquet file, or none of ours.
    """
    try:
        columns = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise InspectError(f"{path} is no Parquet file ({str(error).strip().splitlines()[0]})") from None
    for kind, (needed, _) in KINDS.items():
        if needed <= columns:
            return kind
    if read_metadata(path):
        return "unknown"
    raise InspectError(f"{path} is no table of this project; it has the columns {', '.join(sorted(columns)) or 'none'}")


def _row_sections(name: str, row: dict[str, Any]) -> list[Section]:
    facts = [(column, _text(value)) for column, value in row.items() if column != "sequence"]
    sections = [Section(name, ("", ""), facts)]
    if row.get("sequence"):
        sequence = marked_sequence(row["sequence"], row.get("observed"))
        lines = [(str(at + 1), sequence[at : at + LINE]) for at in range(0, len(sequence), LINE)]
        sections.append(Section("sequence (lower case: not observed)", ("from", ""), lines))
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


def _table(section: Section, framed: bool) -> Table:
    table = Table(
        show_header=any(section.headers), box=box.SIMPLE if framed else None, header_style="dim", pad_edge=framed
    )
    for header in section.headers:
        table.add_column(header, overflow="fold")
    for row in section.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
