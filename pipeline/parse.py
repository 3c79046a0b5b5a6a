"""Parse the files of a manifest shard into chains, or into quarantine rows with a reason."""

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.base.logs import progress
from proteinmtp.config import ParseConfig, Section
from proteinmtp.structures.entries import parse_entries
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.intake import REPAIRED, Intake
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.parquet import count_rows
from proteinmtp.tables.quarantine import QUARANTINE


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    manifest: Annotated[Path, "shard of the manifest"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    chains: Annotated[Path, "shard of chains; its metadata count files and polymers, for stage split"]
    quarantine: Annotated[Path, "shard of what is not used"]


class Options(Section):
    """What is taken from a file."""

    parse: ParseConfig


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Parse a shard: every polymer of its files ends as a chain or in quarantine, and so does a file without any.

    Files and polymers are counted before anything is judged; stage split checks that chains and quarantine add up.
    """
    files = count_rows(inputs.manifest)
    polymers = 0
    repaired: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    entries = progress(MANIFEST.read(inputs.manifest), "parse", files, unit="file")
    with CHAINS.open(outputs.chains) as chains, QUARANTINE.open(outputs.quarantine) as quarantine:
        for rows in parse_entries(entries, options.parse):
            for chain in rows.chains:
                chains.add(chain)
            for refused in rows.refused:
                quarantine.add(refused)
            polymers += rows.polymers
            repaired.update(rows.repairs)
            reasons.update(row.code for row in rows.refused)
        chains.metadata(**Intake(files=files, chains=polymers, repaired=repaired).metadata())
    counts = reasons + Counter({f"{REPAIRED}{name}": number for name, number in repaired.items()})
    counts["polymers"] = polymers
    logging.info("%d files: %s", files, ", ".join(f"{name} {counts[name]}" for name in sorted(counts)))
