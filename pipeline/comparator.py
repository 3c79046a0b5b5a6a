"""Match the files of a folder of predicted structures to the scored chains, and write them as predictions."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.predictors.comparator import KnownChain, match_files, prediction
from proteinmtp.predictors.matching import Targets
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.comparator_listing import ComparatorListing
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read, beside the files of the folder."""

    chains: Annotated[Shards, "shards of chains"]
    split: Annotated[Path, "table of the subsets"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    predictions: Annotated[Shards, "models in the order of the shards of chains; a chain without a file has no row"]
    listing: Annotated[Path, "JSON that says which file stands for which chain, and which for none"]


class Options(Section):
    """Name and folder of the comparator, and the subset that is scored."""

    name: str
    folder: str
    subset: str


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Match the files; none of them can stop the stage."""
    scored = read_subset(inputs.split, options.subset)
    shards = [
        [chain.target(scored=chain.chain_id in scored) for chain in CHAINS.read_as(KnownChain, shard)]
        for shard in inputs.chains
    ]
    targets = Targets([target for shard in shards for target in shard])
    matches = match_files(name=options.name, folder=Path(options.folder), targets=targets, subset=options.subset)
    for shard, output in zip(shards, outputs.predictions, strict=True):
        fits = [matches.fits[target.chain_id] for target in shard if target.chain_id in matches.fits]
        PREDICTIONS.write(output, map(prediction, fits))
    matches.listing.write(outputs.listing)
    _log(matches.listing)


def _log(listing: ComparatorListing) -> None:
    for what, files in (("unmatched", listing.unmatched), ("unused", listing.unused)):
        for file in files:
            logging.info("%s: %s: %s", what, file.file, file.reason)
    for chain in listing.missing:
        logging.info("missing: %s: %s", chain.chain_id, chain.reason)
    logging.info(
        "%s: %d files for %d of %d scored chains; %d unused, %d unmatched",
        listing.name,
        len({matched.file for matched in listing.matched}),
        len(listing.matched),
        len(listing.matched) + len(listing.missing),
        len(listing.unused),
        len(listing.unmatched),
    )
