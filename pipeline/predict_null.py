"""Predict the chains of a subset with a null, which sees their ids and sequences alone."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.predictors import nulls
from proteinmtp.predictors.null import predictions
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    fitted: Annotated[Path, "what the null took from the training chains"]
    chains: Annotated[Shards, "shards of chains, for their sequences"]
    split: Annotated[Path, "table of the subsets"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    predictions: Annotated[Shards, "what is predicted, in the order of the shards of chains"]


class Options(Section):
    """Module of the null, the subset that is predicted, and whether distances are all that is written."""

    null: str
    subset: str
    points: bool = False


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Predict the chains of all shards."""
    null, wanted = nulls.load(options.null), read_subset(inputs.split, options.subset)
    for shard, output in zip(inputs.chains, outputs.predictions, strict=True):
        targets = [chain for chain in CHAINS.read_as(ChainSequence, shard) if chain.chain_id in wanted]
        PREDICTIONS.write(output, predictions(null, inputs.fitted, targets, points=options.points))
        logging.info("%s: %d chains predicted", output, len(targets))
