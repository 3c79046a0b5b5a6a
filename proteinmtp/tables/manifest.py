"""The manifest: the entries of a source, one row for each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.tables.parquet import FLOAT, INT, LONG, TEXT, Table
from proteinmtp.tables.summary import SPREAD, Section, counted, spread


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """One entry: where its file is, and what the source knows of it."""

    entry_id: Annotated[str, TEXT, "name of the entry in all tables"]
    path: Annotated[str, TEXT, "where the file is, or would be"]
    bytes: Annotated[int, LONG, "size of the file; 0 where there is none"]
    sha256: Annotated[str, TEXT, "of the file's bytes; empty where it cannot be read"]
    source: Annotated[str, TEXT, "kind of the source"]
    url: Annotated[str | None, TEXT, "where it was fetched from, if it was"]
    code: Annotated[str | None, TEXT, "why the file is not read, a short word; null if it is"]
    message: Annotated[str | None, TEXT, "the same as a sentence"]
    resolution: Annotated[float | None, FLOAT, "angstrom, as the source has it"]
    year: Annotated[int | None, INT, "of release, as the source has it"]
    affinity: Annotated[float | None, FLOAT, "-log10 of Kd, Ki or IC50 in mol/l"]
    uniprot: Annotated[str | None, TEXT, "accession, as the source has it"]


MANIFEST = Table("manifest", ManifestRow, ManifestRow.__annotations__)


def describe(path: Path) -> list[Section]:
    """Say the size of the files, their sources, and what was wrong with them by code."""
    rows = list(MANIFEST.read(path))
    facts = [
        ("files", f"{len(rows):,}"),
        ("bytes", f"{sum(row.bytes for row in rows):,}"),
        ("sources", counted(row.source for row in rows)),
        ("problems", counted(row.code for row in rows if row.code)),
    ]
    distributions = [
        spread("bytes of a file", [row.bytes for row in rows], 0),
        spread("resolution, angstrom", [row.resolution for row in rows], 2),
        spread("year", [row.year for row in rows], 0),
    ]
    return [Section("files", ("", ""), facts), Section("distributions", SPREAD, distributions)]
