"""The contract of nulls: predictors without a model, through the same reconstruction and scores as the runs.

A module of the package of nulls, or one of yours named in `nulls` of the config, is one null. It stands in every table
as `null_<module>`, beside the runs: what a run scores above it is what its model adds.

A null that says how likely each distance and each turn is, as a run with a distogram does, is decoded by the decoder of
such runs. Beside runs that predict distances alone stands `null_<module>_points`, what is rebuilt of its distances
alone: a run and its null differ in what is predicted, never in how it is decoded.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from proteinmtp.tables import distogram, triangle
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


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a null predicts of a chain of L residues, P = L (L - 1) / 2.

    Attributes:
        distances: (L, L), angstrom.
        likely: (P, BINS) ln p of each bin of `proteinmtp.geometry.bins`, for the pairs i < j row by row, or None.
        turns: (max(L-3, 0), BINS) ln p of each bin of `proteinmtp.geometry.chirality` for the pseudo-dihedrals, or
            None; a null that says the one says the other.
    """

    distances: np.ndarray
    likely: np.ndarray | None = None
    turns: np.ndarray | None = None


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
    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[Guess]:
        """Yield what is predicted of each target, in their order.

        Parameters:
            fitted: what `fit` wrote.
            targets: chains to predict; there is no structure here to look at.
        """


def predictions(
    null: NullBase, fitted: Path, targets: Sequence[ChainSequence], *, points: bool = False
) -> Iterator[PredictionRow]:
    """Yield what a null predicts of each target, as a row of the table; `points`: its distances alone.

    The other parameters are those of `NullBase.predict`.
    """
    for target, guess in zip(targets, null.predict(fitted, targets), strict=True):
        likely, turns = (None, None) if points else (guess.likely, guess.turns)
        yield PredictionRow(
            chain_id=target.chain_id,
            length=len(target),
            triu=triangle.pack(guess.distances),
            distogram=None if likely is None else distogram.pack(likely),
            dihedral=None if turns is None else turns.ravel(),
        )
