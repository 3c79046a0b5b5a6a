"""The manifest stage: what a source holds, one row for each entry."""

import logging
from pathlib import Path

from proteinmtp.config.data_ import SourceConfig
from proteinmtp.tables.schemas import MANIFEST
from proteinmtp.tables.parquet import write_rows
from proteinmtp.base.files import readable_sha256
from proteinmtp.base.plugins import load
from proteinmtp.structures.sources import PACKAGE, list_source


def write_manifest(config: SourceConfig, results: Path, shard: int, shards: int, output: Path) -> None:
    """Write one row for each entry of the source that belongs to `shard`, after fetching its file if need be."""
    files = [file for file in list_source(config, results) if file.shard(shards) == shard]
    source = load(PACKAGE, config.kind)
    if hasattr(source, "fetch"):
        files = source.fetch(files, config, results)
    write_rows(
        output,
        MANIFEST,
        (
            {
                "entry_id": file.entry_id,
                "path": str(file.path).encode(errors="backslashreplace").decode(),
                "bytes": _size(file.path),
                "sha256": readable_sha256(file.path),
                "source": config.kind,
                "url": file.url,
                "code": file.problem.code if file.problem else None,
                "message": file.problem.message if file.problem else None,
                "resolution": file.resolution,
                "year": file.year,
                "affinity": file.affinity,
                "uniprot": file.uniprot,
            }
            for file in files
        ),
    )
    logging.info("shard %d of %d: %d entries", shard, shards, len(files))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
