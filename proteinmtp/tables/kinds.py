"""All tables of the project, and which of them a file is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from proteinmtp.base.errors import DataError
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.descriptions import (
    TextTable,
    describe_chains,
    describe_distances,
    describe_manifest,
    describe_quarantine,
    describe_split,
)
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.parquet import Table, read_metadata
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.relatives import RELATIVES
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.traces import TRACES
from proteinmtp.tables.views import VIEWS


@dataclass(frozen=True)
class Kind:
    """A table, and the function that describes a file of it, if there is one."""

    table: Table[Any]
    describe: Callable[[Path], list[TextTable]] | None = None


KINDS = (
    Kind(CHAINS, describe_chains),
    Kind(QUARANTINE, describe_quarantine),
    Kind(MANIFEST, describe_manifest),
    Kind(SPLIT, describe_split),
    Kind(RELATIVES),
    Kind(VIEWS),
    Kind(PREDICTIONS),
    Kind(METRICS),
    Kind(HISTORY),
    Kind(TRACES),
    Kind(DISTANCES, describe_distances),
)
"""A file is of the first kind whose `typical` columns it all has."""


def kind_of(path: Path) -> Kind | None:
    """Return which table a file is, from its columns; None for one that this project wrote and does not know any more.

    Raises:
        DataError: if it is no Parquet file, or none of this project.
    """
    try:
        columns = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file ({str(error).strip().splitlines()[0]})") from error
    kind = next((kind for kind in KINDS if kind.table.typical <= columns), None)
    if kind is None and not read_metadata(path):
        there = ", ".join(sorted(columns)) or "none"
        raise DataError(f"{path} is no table of this project; it has the columns {there}")
    return kind
