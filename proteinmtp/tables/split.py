"""The split: which chains are for training, for validation and for the test, and the homology cluster of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.tables.parquet import FLAG, INT, TEXT, Table
from proteinmtp.tables.summary import Section, share

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


def describe(path: Path) -> list[Section]:
    """Say the sizes of the subsets, and of the clusters."""
    rows = list(SPLIT.read(path))
    clusters = Counter(row.cluster_id for row in rows)
    facts = [("chains", f"{len(rows):,}"), ("clusters", f"{len(clusters):,}")]
    if clusters:
        name, size = clusters.most_common(1)[0]
        facts.append(("largest cluster", f"{name}, {share(size, len(rows))} chains"))
        facts.append(("clusters of one chain", f"{sum(size == 1 for size in clusters.values()):,}"))
    held = {name: [row for row in rows if row.is_in(name)] for name in SUBSETS}
    held["none"] = [row for row in rows if not any(map(row.is_in, SUBSETS))]
    subsets = [_subset(name, of_subset, len(rows)) for name, of_subset in held.items()]
    return [
        Section("split", ("", ""), facts),
        Section("subsets", ("subset", "chains", "clusters", "residues"), subsets),
    ]


def _subset(name: str, rows: Sequence[SplitRow], whole: int) -> tuple[str, ...]:
    clusters, residues = len({row.cluster_id for row in rows}), sum(row.length for row in rows)
    return (name, share(len(rows), whole), f"{clusters:,}", f"{residues:,}")
