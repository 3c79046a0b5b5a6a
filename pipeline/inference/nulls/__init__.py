"""Nulls: predictors without a model, through the same reconstruction and scores. One module is one null.

A null stands in every table as `null_<module>`, beside the runs: what a run scores above it is what its model adds. A
null module defines

- `DESCRIPTION`, a few words for the report;
- `fit(tables, output)`, which writes what it takes from the training chains as a Parquet file;
- `predict(fitted, targets)`, which yields a matrix (L, L) of distances in angstrom for each target, in their order.

Nothing imports these modules by name, so adding one changes no other file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tables:
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


@dataclass(frozen=True)
class Target:
    """A chain to predict: its id and its sequence of L letters. There is no structure here to look at."""

    chain_id: str
    sequence: str

    def __len__(self) -> int:
        return len(self.sequence)
