"""Chains: full sequence and C-alpha positions of each protein chain; and the chains of a subset, ready for batches."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from proteinmtp.base.errors import DataError
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.parquet import COORDS, FLAGS, FLOAT, INT, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class ChainRow:
    """One protein chain of L residues."""

    chain_id: Annotated[str, TEXT, "entry id and chain name, joined by _"]
    entry_id: Annotated[str, TEXT, "name of the entry"]
    chain: Annotated[str, TEXT, "name of the chain in its file"]
    sequence: Annotated[str, TEXT, "L letters, from SEQRES or the mmCIF entity"]
    length: Annotated[int, INT, "L, residues"]
    coords: Annotated[np.ndarray, COORDS, "(L, 3) C-alpha positions, angstrom; NaN where not observed"]
    observed: Annotated[np.ndarray, FLAGS, "(L,) whether a residue has a position"]
    resolution: Annotated[float | None, FLOAT, "angstrom"]
    method: Annotated[str | None, TEXT, "of the experiment"]
    year: Annotated[int | None, INT, "of release or deposition"]
    affinity: Annotated[float | None, FLOAT, "-log10 of Kd, Ki or IC50 in mol/l"]
    uniprot: Annotated[str | None, TEXT, "accession"]
    copies: Annotated[int | None, INT, "chains of the file with this sequence"]
    breaks: Annotated[int | None, INT, "neighbours in the sequence that no bond joins"]
    source_sha256: Annotated[str, TEXT, "of the file's bytes"]


CHAINS = Table("chains", ChainRow, ChainRow.__annotations__)


@dataclass(frozen=True)
class ChainSequence:
    """A chain without its structure: id and sequence of L letters."""

    chain_id: str
    sequence: str

    def __len__(self) -> int:
        return len(self.sequence)


@dataclass(frozen=True)
class ChainTrace(ChainSequence):
    """A chain in the experiment: with coords (L, 3) in angstrom, NaN where not observed."""

    coords: np.ndarray


@dataclass(frozen=True)
class Chain(ChainTrace):
    """A chain for batches: its trace and, if they were asked for, its stored distances as (P,) float16 pairs i < j."""

    triu: np.ndarray | None = None


def each_chain(shards: Sequence[Path], wanted: Collection[str]) -> Iterator[ChainTrace]:
    """Yield the chains whose id is in `wanted`, in the order of the shards; none is kept in memory."""
    return (chain for chain in CHAINS.read_as(ChainTrace, *shards) if chain.chain_id in wanted)


def read_chains(
    shards: Sequence[Path], wanted: Collection[str], distances: Sequence[Path] | None = None
) -> list[Chain]:
    """Read the chains whose id is in `wanted`, in the order of the shards.

    Parameters:
        shards: files of chains.
        wanted: chain ids.
        distances: files of distances, in the order of `shards`, if stored distances are wanted too.

    Raises:
        DataError: naming a chain whose stored distances are asked for and missing.
    """
    traces = [
        ChainTrace(trace.chain_id, trace.sequence, np.array(trace.coords)) for trace in each_chain(shards, wanted)
    ]
    if distances is None:
        return [Chain(trace.chain_id, trace.sequence, trace.coords) for trace in traces]
    stored = {row.chain_id: row.triu for row in DISTANCES.read(*distances) if row.chain_id in wanted}
    missing = [trace.chain_id for trace in traces if trace.chain_id not in stored]
    if missing:
        raise DataError(f"{missing[0]} has no stored distances in {distances[0].parent}; make the distances again")
    return [Chain(trace.chain_id, trace.sequence, trace.coords, stored[trace.chain_id]) for trace in traces]
