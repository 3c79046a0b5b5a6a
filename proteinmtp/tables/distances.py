"""Distances: for each chain its precomputed C-alpha distances."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq

from proteinmtp.tables.parquet import HALFS, INT, TEXT, Table
from proteinmtp.tables.summary import SPREAD, Section, share, spread


@dataclass(frozen=True, kw_only=True)
class DistanceRow:
    """The distances of one chain of L residues."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    triu: Annotated[np.ndarray, HALFS, "(P,) distances of the pairs i < j, angstrom; NaN where one is not observed"]


DISTANCES = Table("distances", DistanceRow, DistanceRow.__annotations__)


def describe(path: Path) -> list[Section]:
    """Say the number of pairs, bytes for each, and the range of the distances."""
    pairs = unknown = 0
    low, high = np.inf, -np.inf
    lengths = []
    for row in DISTANCES.read(path):
        known = row.triu[np.isfinite(row.triu)]
        pairs += len(row.triu)
        unknown += len(row.triu) - len(known)
        low, high = min(low, known.min(initial=np.inf)), max(high, known.max(initial=-np.inf))
        lengths.append(row.length)
    facts = [
        ("chains", f"{len(lengths):,}"),
        ("pairs", f"{pairs:,}"),
        ("pairs without a distance", share(unknown, pairs)),
        ("bytes per pair, packed", f"{_packed_bytes(path, 'triu') / pairs:.2f}" if pairs else "-"),
        ("range, angstrom", f"{low:.2f} - {high:.2f}" if pairs > unknown else "-"),
    ]
    distributions = [spread("length, residues", lengths, 0)]
    return [Section("distances", ("", ""), facts), Section("distributions", SPREAD, distributions)]


def _packed_bytes(path: Path, column: str) -> int:
    metadata = pq.read_metadata(path)
    return sum(
        chunk.total_compressed_size
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema.split(".")[0] == column
    )
