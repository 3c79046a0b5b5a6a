"""The split: which chains are for training, for validation and for the test, and the homology cluster of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.tables.parquet import FLAG, INT, TEXT, Table

SUBSETS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class SplitRow:
    """Cluster and subsets of one chain; it may be in none, or in all."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    cluster_id: Annotated[str, TEXT, "homology cluster, named after the first of its chains"]
    length: Annotated[int, INT, "residues"]
    train: Annotated[bool, FLAG, "whether it is trained on"]
    val: Annotated[bool, FLAG, "whether it is validated on"]
    test: Annotated[bool, FLAG, "whether it is tested on"]

    def is_in(self, subset: str) -> bool:
        """Return whether the chain is in a subset, one of `SUBSETS`."""
        return {"train": self.train, "val": self.val, "test": self.test}[subset]


SPLIT = Table("split", SplitRow, SplitRow.__annotations__)


def read_subset(split: Path, subset: str) -> set[str]:
    """Return the ids of the chains of a subset, one of `SUBSETS`."""
    return {row.chain_id for row in SPLIT.read(split) if row.is_in(subset)}
