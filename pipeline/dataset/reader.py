"""Which chains a subset has, and the chains of a subset in memory, ready for batches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.dataset.tables import read_all, read_rows


@dataclass(frozen=True)
class ChainRecord:
    """One chain: id, sequence of L letters, coordinates (L, 3) in angstrom with NaN where not observed.

    `triu` holds the stored distances of the pairs i < j as float16, if they were asked for.
    """

    chain_id: str
    sequence: str
    coords: np.ndarray
    triu: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.sequence)


def read_subset(split: Path, subset: str) -> set[str]:
    """Return the ids of the chains of a subset."""
    return {row["chain_id"] for row in read_rows(split, ["chain_id", subset]) if row[subset]}


def read_chains(
    shards: Sequence[Path], wanted: Collection[str], distances: Sequence[Path] | None = None
) -> list[ChainRecord]:
    """Read the chains whose id is in `wanted`, in the order of the shards.

    Parameters:
        shards: Parquet files of chains.
        wanted: chain ids.
        distances: Parquet files of distances, in the order of `shards`, if stored distances are wanted too.
    """
    stored = (
        {row["chain_id"]: row["triu"] for row in read_all(distances, ["chain_id", "triu"]) if row["chain_id"] in wanted}
        if distances
        else {}
    )
    return [
        ChainRecord(row["chain_id"], row["sequence"], np.array(row["coords"]), stored.get(row["chain_id"]))
        for row in read_all(shards, ["chain_id", "sequence", "coords"])
        if row["chain_id"] in wanted
    ]
