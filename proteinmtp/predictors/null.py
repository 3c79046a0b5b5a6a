"""The contract of nulls: predictors without a model, through the same reconstruction and scores as the runs.

A module of the package of nulls, or one of yours named in `nulls` of the config, is one null. It stands in every table
as `null_<module>`, beside the runs: what a run scores above it is what its model adds.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from proteinmtp.tables import triangle
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.tables.predictions import PredictionRow


@dataclass(frozen=True, kw_only=True)
class TrainingTables:
    """What a null may learn from.

    Attributes:
        chains, distances: shards, in the same order.
        split: table of the subsets. A null takes structures of the subset `train` alone.
        subset: of the chains that will be predicted, of which a null may read the sequences.
        threads: CPU threads.
    """

    chains: Sequence[Path]
    distances: Sequence[Path]
    split: Path
    subset: str
    threads: int = 1


class NullBase(ABC):
    """A predictor without a model; the module defines it as a class `Null`, made without arguments.

    Class variables:
        DESCRIPTION: a few words for the report, a literal.
    """

    DESCRIPTION: ClassVar[str]

    @abstractmethod
    def fit(self, tables: TrainingTables, output: Path) -> None:
        """Write what the null takes from the training chains as a Parquet file."""

    @abstractmethod
    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[np.ndarray]:
        """Yield a matrix (L, L) of distances in angstrom for each target, in their order.

        Parameters:
            fitted: what `fit` wrote.
            targets: chains to predict; there is no structure here to look at.
        """


def predictions(null: NullBase, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[PredictionRow]:
    """Yield what a null predicts of each target, as a row of the table; parameters as for `NullBase.predict`."""
    for target, distances in zip(targets, null.predict(fitted, targets), strict=True):
        yield PredictionRow(chain_id=target.chain_id, length=len(target), triu=triangle.pack(distances))
