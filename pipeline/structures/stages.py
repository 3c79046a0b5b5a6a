"""The stages from structure files to shards of chains: manifest and parse."""

import logging
from pathlib import Path

from pipeline.config import ParseConfig
from pipeline.dataset.schemas import CHAINS, MANIFEST, QUARANTINE
from pipeline.dataset.tables import open_table, read_rows, write_rows
from pipeline.logs import progress
from pipeline.manifest import readable_sha256
from pipeline.structures.parse import Refused, read_chains
from pipeline.structures.sources import SourceFile


def write_manifest(files: list[SourceFile], shard: int, shards: int, source: str, output: Path) -> None:
    """Write one row for each file that belongs to `shard`: id, path, size and sha256."""
    rows = [
        {
            "entry_id": file.entry_id,
            "path": str(file.path),
            "bytes": file.path.stat().st_size if file.path.exists() else 0,
            "sha256": readable_sha256(file.path),
            "source": source,
            "resolution": None,
            "year": None,
        }
        for file in files
        if file.shard(shards) == shard
    ]
    write_rows(output, MANIFEST, rows)
    logging.info("shard %d of %d: %d of %d files", shard, shards, len(rows), len(files))


def parse_shard(manifest: Path, limits: ParseConfig, chains: Path, quarantine: Path) -> None:
    """Parse the files of one manifest shard into a shard of chains and one of quarantine rows.

    The metadata of `chains` counts what was met: `files_in` files and `chains_in` polymers, so that a later stage
    can check that chains + quarantine add up.
    """
    files = list(read_rows(manifest, ["entry_id", "path", "sha256"]))
    polymers = 0
    with open_table(chains, CHAINS) as kept, open_table(quarantine, QUARANTINE) as refused:
        for file in progress(files, "parse", len(files), unit="file"):
            common = {"entry_id": file["entry_id"], "source_sha256": file["sha256"]}
            for item in read_chains(Path(file["path"]), limits):
                polymers += item.chain is not None if isinstance(item, Refused) else 1
                if isinstance(item, Refused):
                    refused.add(
                        common | {"chain": item.chain, "stage": "parse", "code": item.code, "message": item.message}
                    )
                else:
                    kept.add(
                        common
                        | {
                            "chain_id": f"{file['entry_id']}_{item.name or '-'}",
                            "chain": item.name,
                            "sequence": item.sequence,
                            "length": len(item.sequence),
                            "coords": item.coords,
                            "observed": item.observed,
                            "resolution": item.resolution,
                            "method": item.method,
                            "year": item.year,
                        }
                    )
        kept.metadata(files_in=len(files), chains_in=polymers)
