"""The parse stage: a manifest shard in, a shard of chains and one of quarantine rows out."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.config_data import ParseConfig
from pipeline.dataset.schemas import CHAINS, QUARANTINE
from pipeline.dataset.tables import open_table, read_rows
from pipeline.logs import progress
from pipeline.structures.parse import Chain, Parsed, parse_file
from pipeline.structures.refusals import Refusal, Refused


def parse_shard(manifest: Path, limits: ParseConfig, chains: Path, quarantine: Path) -> None:
    """Parse the files of one manifest shard into a shard of chains and one of quarantine rows.

    The metadata of `chains` counts what came in: `files_in` rows of the manifest, and `chains_in` polymers as the
    reader met them, before any was judged, so that a later stage can check that chains + quarantine add up.
    """
    files = list(read_rows(manifest))
    polymers = 0
    repairs: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    with open_table(chains, CHAINS) as kept, open_table(quarantine, QUARANTINE) as refused:
        for file in progress(files, "parse", len(files), unit="file"):
            parsed = _parse(file, limits)
            polymers += parsed.polymers
            repairs.update(parsed.repairs)
            for item in parsed.items:
                if isinstance(item, Chain):
                    kept.add(_chain_row(file, item))
                else:
                    refusals[item.code] += 1
                    refused.add(_quarantine_row(file, item))
        kept.metadata(
            files_in=len(files), chains_in=polymers, **{f"repaired_{name}": repairs[name] for name in sorted(repairs)}
        )
    logging.info("%d files, %d polymers; refused: %s", len(files), polymers, dict(sorted(refusals.items())) or "none")
    if repairs:
        logging.info("repaired files: %s", dict(sorted(repairs.items())))


def _parse(file: dict[str, Any], limits: ParseConfig) -> Parsed:
    if file["code"] is not None:
        return Parsed([Refused(None, Refusal(file["code"]), file["message"])])
    return parse_file(Path(file["path"]), limits)


def _chain_row(file: dict[str, Any], chain: Chain) -> dict[str, Any]:
    """Return a row of the chains table; what the source knows of the entry goes before what its file says."""
    return {
        "chain_id": f"{file['entry_id']}_{chain.name or '-'}",
        "entry_id": file["entry_id"],
        "chain": chain.name,
        "sequence": chain.sequence,
        "length": len(chain.sequence),
        "coords": chain.coords,
        "observed": chain.observed,
        "resolution": file["resolution"] or chain.resolution,
        "method": chain.method,
        "year": file["year"] or chain.year,
        "affinity": file["affinity"],
        "uniprot": file["uniprot"] or chain.uniprot,
        "copies": chain.copies,
        "breaks": chain.breaks,
        "source_sha256": file["sha256"],
    }


def _quarantine_row(file: dict[str, Any], item: Refused) -> dict[str, Any]:
    return {
        "entry_id": file["entry_id"],
        "chain": item.chain,
        "stage": "parse" if file["code"] is None else "source",
        "code": item.code,
        "message": item.message,
        "source_sha256": file["sha256"],
    }
