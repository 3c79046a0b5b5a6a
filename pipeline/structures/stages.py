"""The parse stage: a manifest shard in, a shard of chains and one of quarantine rows out."""

from pathlib import Path

from pipeline.config_data import ParseConfig
from pipeline.dataset.schemas import CHAINS, QUARANTINE
from pipeline.dataset.tables import open_table, read_rows
from pipeline.logs import progress
from pipeline.structures.parse import read_chains
from pipeline.structures.refusals import Refused


def parse_shard(manifest: Path, limits: ParseConfig, chains: Path, quarantine: Path) -> None:
    """Parse the files of one manifest shard into a shard of chains and one of quarantine rows.

    The metadata of `chains` counts what was met: `files_in` files and `chains_in` polymers, so that a later stage
    can check that chains + quarantine add up.
    """
    files = list(
        read_rows(
            manifest,
        )
    )
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
                            "affinity": None,
                            "uniprot": None,
                            "copies": 1,
                            "breaks": 0,
                        }
                    )
        kept.metadata(files_in=len(files), chains_in=polymers)
