"""Divide the chains into train, val and test, and check that none was lost and that no cluster is torn."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.base.space import writing
from proteinmtp.config import Section, SplitConfig
from proteinmtp.splitting.accounting import ParsedShard, account
from proteinmtp.splitting.chains import SplitChain
from proteinmtp.splitting.divide import divide
from proteinmtp.splitting.homology import search
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.relatives import RELATIVES
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.split_summary import SplitSummary
from proteinmtp.tables.subset_table import read_subset_table


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    chains: Annotated[Shards, "shards of chains"]
    quarantine: Annotated[Shards, "shards of what is not used, in the same order"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    split: Annotated[Path, "cluster and subsets of each chain"]
    relatives: Annotated[Path, "nearest training chain of each test chain that has one"]
    summary: Annotated[Path, "JSON with counts, and with what of the test can be found in training"]


class Options(Section):
    """Method and thresholds, the seed of what is drawn, and CPU threads."""

    split: SplitConfig
    seed: int
    threads: int = 1


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Divide the chains of all shards."""
    config = options.split
    shards = [
        ParsedShard(Intake.read(chains), list(CHAINS.read_as(SplitChain, chains)), list(QUARANTINE.read(quarantine)))
        for chains, quarantine in zip(inputs.chains, inputs.quarantine, strict=True)
    ]
    books = account(shards)
    chains = [chain for shard in shards for chain in shard.chains]
    table = read_subset_table(config.table) if config.method == "table" else None
    with tempfile.TemporaryDirectory(prefix="mmseqs-") as scratch, writing(Path(scratch)):
        homology = search({chain.chain_id: chain.sequence for chain in chains}, Path(scratch), options.threads)
        division = divide(chains, homology, config, seed=options.seed, table=table)
        summary = division.summary(books, config)
    SPLIT.write(outputs.split, division.rows())
    RELATIVES.write(outputs.relatives, division.nearest.relatives)
    summary.write(outputs.summary)
    _log(summary)


def _log(summary: SplitSummary) -> None:
    logging.info("%s split: %s in %d clusters", summary.method, summary.subsets, summary.clusters)
    for note, count in summary.notes.items():
        if count:
            logging.warning("%s: %d", note.replace("_", " "), count)
    for subset, count in summary.subsets.items() if summary.chains_parsed else ():
        if not count:
            logging.warning("no chain is in %s", subset)
