"""All tables of the project, and which of them a file is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from proteinmtp.base.errors import DataError
from proteinmtp.tables import chains, distances, manifest, quarantine, split
from proteinmtp.tables.examples import EXAMPLES
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.parquet import Table, read_metadata
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.structures import STRUCTURES
from proteinmtp.tables.summary import Section


@dataclass(frozen=True)
class Kind:
    """A table, and what its module says of a file of it, if anything."""

    table: Table[Any]
    describe: Callable[[Path], list[Section]] | None = None


KINDS = (
    Kind(chains.CHAINS, chains.describe),
    Kind(quarantine.QUARANTINE, quarantine.describe),
    Kind(manifest.MANIFEST, manifest.describe),
    Kind(split.SPLIT, split.describe),
    Kind(PREDICTIONS),
    Kind(EXAMPLES),
    Kind(METRICS),
    Kind(HISTORY),
    Kind(STRUCTURES),
    Kind(distances.DISTANCES, distances.describe),
)
"""The first of them of which a file has all the telling columns is its kind."""


def kind_of(path: Path) -> Kind | None:
    """Return which table a file is, from its columns; None for one that this project wrote and does not know any more.

    Raises:
        DataError: if it is no Parquet file, or none of this project.
    """
    try:
        columns = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file ({str(error).strip().splitlines()[0]})") from error
    kind = next((kind for kind in KINDS if kind.table.told_by <= columns), None)
    if kind is None and not read_metadata(path):
        there = ", ".join(sorted(columns)) or "none"
        raise DataError(f"{path} is no table of this project; it has the columns {there}")
    return kind
