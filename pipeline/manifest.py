"""List the structure files of one shard of the source, with sizes and hashes; fetch them if need be."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section, SourceConfig
from proteinmtp.structures.listing import list_source, load_source, manifest_rows
from proteinmtp.tables.manifest import MANIFEST


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Nothing but what the source holds."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    manifest: Annotated[Path, "one row for each entry of the shard"]


class Options(Section):
    """The source, the results folder below which fetched files and hashes are kept, and which of the shards this is."""

    source: SourceConfig
    results: str
    shard: int
    shards: int


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Write one row for each entry of the source that belongs to the shard, after fetching its file if need be."""
    results = Path(options.results)
    listed = list_source(options.source, results)
    mine = [file for file in listed if file.shard(options.shards) == options.shard]
    files = load_source(options.source, results).fetch(mine)
    MANIFEST.write(outputs.manifest, manifest_rows(files, options.source.kind))
    logging.info("shard %d of %d: %d entries", options.shard, options.shards, len(files))
