"""Fold a shard of the sequences of a file with a trained run."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.folding.artefact import open_artefact
from proteinmtp.folding.job import fold_into
from proteinmtp.folding.model import FoldingModel
from proteinmtp.folding.sequences import read_sequences, targets_of
from proteinmtp.tables.folded import FoldListing


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read, beside the file of the sequences."""

    artefact: Annotated[Path, "record of the model's folder that it lies in"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    folder: Annotated[Path, "folder with the traces of the sequences, and what the model says of each"]
    listing: Annotated[Path, "JSON with what became of the sequences"]


class Options(Section):
    """The file, and which of how many shards of it: every so many sequences."""

    file: str
    shard: int
    shards: int


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Fold the sequences; none of them can stop the stage."""
    opened = open_artefact(inputs.artefact.parent, own_parts=True)
    outputs.folder.mkdir(parents=True, exist_ok=True)
    model = FoldingModel(opened, opened.settings)
    targets, refused = targets_of(read_sequences(Path(options.file)), longest=model.longest)
    records = fold_into(outputs.folder, model, targets[options.shard :: options.shards])
    listed = [] if options.shard else list(refused)
    FoldListing(title=model.title, folded=records, refused=listed).write(outputs.listing)
    logging.info("%d of %d sequences folded here, %d records refused", len(records), len(targets), len(refused))
