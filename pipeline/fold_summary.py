"""Put together what a run made of all sequences of a file: tables, a page, and numbers for the report."""

import logging
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.folding.page import write_page
from proteinmtp.folding.summary import STRUCTURES, mean_confidence, write_refused, write_summary
from proteinmtp.tables.folded import FoldListing, FoldSummary


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    listings: Annotated[tuple[Path, ...], "what became of the sequences, by shard, beside the folders"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written, beside the folders of the shards."""

    page: Annotated[Path, "the page"]
    table: Annotated[Path, "CSV with a row for each sequence that was folded"]
    refused: Annotated[Path, "CSV with a row for each record that was not"]
    summary: Annotated[Path, "JSON with numbers for the report"]


class Options(Section):
    """Names of the sequences and of the run."""

    sequences: str
    run: str


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Write tables and page in the order of the file."""
    listings = [FoldListing.read(path) for path in inputs.listings]
    rounds = zip_longest(*(listing.folded for listing in listings))
    records = [record for one_of_each in rounds for record in one_of_each if record is not None]
    refused = [refusal for listing in listings for refusal in listing.refused]
    places = {
        record.name: f"{path.stem}/{STRUCTURES}"
        for path, listing in zip(inputs.listings, listings, strict=True)
        for record in listing.folded
    }
    write_summary(outputs.table, records, places)
    write_refused(outputs.refused, refused)
    write_page(outputs.page, records, refused, title=listings[0].title, places=places)
    FoldSummary(
        sequences=options.sequences,
        run=options.run,
        folded=len(records),
        refused=len(refused),
        longest=max((len(record.sequence) for record in records), default=None),
        confidence=mean_confidence(records),
    ).write(outputs.summary)
    logging.info("%s with %s: %d folded, %d refused", options.sequences, options.run, len(records), len(refused))
