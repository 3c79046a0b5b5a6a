"""The parse stage: a manifest shard in, a shard of chains and one of quarantine rows out."""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proteinmtp.config.data_ import ParseConfig
from proteinmtp.tables.schemas import CHAINS, QUARANTINE
from proteinmtp.tables.parquet import ROW_GROUP, count_rows, open_table, read_rows
from proteinmtp.tables.validation import validate_chains
from proteinmtp.base.logs import progress
from proteinmtp.structures.parse import Chain, Parsed, parse_file
from proteinmtp.structures.refusals import Refusal, Refused
from proteinmtp.structures.sources import SourceError


def parse_shard(manifest: Path, limits: ParseConfig, chains: Path, quarantine: Path) -> None:
    """Parse the files of one manifest shard into a shard of chains and one of quarantine rows.

    The metadata of `chains` counts what came in: `files_in` rows of the manifest, and `chains_in` polymers as the
    reader met them, before any was judged, so that a later stage can check that chains + quarantine add up.
    """
    files_in = count_rows(manifest)
    counts: Counter[str] = Counter(polymers=0)
    with open_table(chains, CHAINS) as kept, open_table(quarantine, QUARANTINE) as refused:
        seen: set[str] = set()
        waiting: list[dict[str, Any]] = []

        def flush() -> None:
            good, bad = validate_chains(waiting, seen)
            seen.update(row["chain_id"] for row in good)
            for row in good:
                kept.add(row)
            for row, reason in bad:
                counts[Refusal.INVALID_ROW] += 1
                refused.add(_quarantine_row(row, Refused(row["chain"], Refusal.INVALID_ROW, reason), "validate"))
            waiting.clear()

        for file in progress(read_rows(manifest), "parse", files_in, unit="file"):
            parsed = _parse(file, limits)
            counts["polymers"] += parsed.polymers
            counts.update(f"repaired_{name}" for name in parsed.repairs)
            for item in parsed.items:
                if isinstance(item, Chain):
                    waiting.append(_chain_row(file, item))
                else:
                    counts[item.code] += 1
                    refused.add(_quarantine_row(file, item, "parse" if file["code"] is None else "source"))
            if len(waiting) >= ROW_GROUP:
                flush()
        flush()
        repaired = {name: counts[name] for name in sorted(counts) if name.startswith("repaired_")}
        kept.metadata(files_in=files_in, chains_in=counts["polymers"], **repaired)
    logging.info("%d files: %s", files_in, ", ".join(f"{name} {counts[name]}" for name in sorted(counts)))


def _parse(file: dict[str, Any], limits: ParseConfig) -> Parsed:
    if file["code"] is not None:
        return Parsed([Refused(None, Refusal(file["code"]), file["message"])])
    if file["url"] is not None and not Path(file["path"]).exists():
        raise SourceError(
            f"{file['path']} was downloaded and is gone; `snakemake --forcerun manifest` fetches it again"
        )
    return parse_file(Path(file["path"]), limits, file["resolution"])


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
        "resolution": chain.resolution,
        "method": chain.method,
        "year": file["year"] or chain.year,
        "affinity": file["affinity"],
        "uniprot": file["uniprot"] or chain.uniprot,
        "copies": chain.copies,
        "breaks": chain.breaks,
        "source_sha256": file["sha256"],
    }


def _quarantine_row(row: Mapping[str, Any], item: Refused, stage: str) -> dict[str, Any]:
    """Return a quarantine row for a row of the manifest or of the chains table."""
    return {
        "entry_id": row["entry_id"],
        "chain": item.chain,
        "stage": stage,
        "code": item.code,
        "message": item.message,
        "source_sha256": row.get("sha256", row.get("source_sha256")),
    }
