"""Write what a predictor without a model takes from the training chains."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.predictors import nulls
from proteinmtp.predictors.null import TrainingTables
from proteinmtp.tables.shards import Shards


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    chains: Annotated[Shards, "shards of chains"]
    distances: Annotated[Shards, "shards of distances, in the same order"]
    split: Annotated[Path, "table of the subsets"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    fitted: Annotated[Path, "a table of the null's own"]


class Options(Section):
    """Module of the null, subset that it will predict, and CPU threads."""

    null: str
    subset: str
    threads: int = 1


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Fit a null to the structures of the subset `train`."""
    tables = TrainingTables(
        chains=inputs.chains,
        distances=inputs.distances,
        split=inputs.split,
        subset=options.subset,
        threads=options.threads,
    )
    nulls.load(options.null).fit(tables, outputs.fitted)
