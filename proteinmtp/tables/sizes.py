"""How much there is in the shards of a table, read from their footers alone.

A shard that cannot be read counts as empty: the stage that reads it names it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class ChainSizes:
    """What chains are, as far as it decides what a job with them needs.

    Attributes:
        chains: rows, which in a table of files are those.
        longest: residues of the longest; 0 if there is none, and in a table without lengths.
    """

    chains: int
    longest: int


def chain_sizes(paths: Iterable[Path]) -> ChainSizes:
    """Return the sizes of the chains in shards.

    Raises:
        FileNotFoundError: naming a shard that is not there.
    """
    shards = [_of_shard(path, path.stat().st_mtime_ns) for path in paths]
    return ChainSizes(sum(shard.chains for shard in shards), max((shard.longest for shard in shards), default=0))


@cache
def _of_shard(path: Path, changed: int) -> ChainSizes:
    try:
        footer = pq.read_metadata(path)
    except pa.ArrowException:
        return ChainSizes(0, 0)
    columns = [at for at, name in enumerate(footer.schema.names) if name == "length"]
    groups = (footer.row_group(at).column(columns[0]).statistics for at in range(footer.num_row_groups) if columns)
    return ChainSizes(footer.num_rows, max((group.max for group in groups if group is not None), default=0))
