"""The manifest: the entries of a source, one row for each."""

from dataclasses import dataclass
from typing import Annotated

from proteinmtp.tables.parquet import FLOAT, INT, LONG, TEXT, Table


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
