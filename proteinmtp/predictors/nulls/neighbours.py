"""The neighbours null: distances copied from the training chains whose sequences can be aligned.

What retrieval alone gets. MMseqs2 aligns each chain with the training chains of the run (E-value at most 0.1). Where
two residues of the chain stand opposite two observed residues of a training chain, their distance is copied; the best
alignment comes first, and the next ones, `NEIGHBOURS` at most, fill what those before them leave open. The rest is
filled from the |i-j| null, and a chain without neighbours is the |i-j| null. A chain is never its own neighbour; a copy
of it under another id is. docs/method.md says how this was chosen.
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.predictors.null import NullBase, TrainingTables
from proteinmtp.predictors.nulls.separation import Expected, by_separation, training_means
from proteinmtp.splitting.homology import Alignment, align
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import ChainSequence, ChainTrace, read_chains
from proteinmtp.tables.parquet import DOUBLE, FLOATS, HALFS, INT, TEXT, Table
from proteinmtp.tables.split import read_subset

NEIGHBOURS = 10
E_VALUE = 0.1


@dataclass(frozen=True, kw_only=True)
class CopyRow:
    """What is copied for one chain of L residues, and what fills the rest."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    neighbours: Annotated[int, INT, "training chains that were used"]
    identity: Annotated[float | None, DOUBLE, "of the best alignment, 0..1; null if there is none"]
    covered: Annotated[float, DOUBLE, "share of the pairs that were copied"]
    triu: Annotated[np.ndarray, HALFS, "(P,) copied distances of the pairs i < j, angstrom; NaN where there is none"]
    profile: Annotated[np.ndarray, FLOATS, "(L-1,) the |i-j| null at separations 1..L-1, angstrom"]


COPIES = Table("neighbours null", CopyRow, CopyRow.__annotations__)


@dataclass(frozen=True)
class Neighbour:
    """A training chain, coords (M, 3) in angstrom, and how its sequence lies on that of the chain in question."""

    alignment: Alignment
    coords: np.ndarray


class Null(NullBase):
    """Distances copied from neighbours."""

    DESCRIPTION = "distances copied from training chains of like sequence (MMseqs2), else the |i-j| null"

    def fit(self, tables: TrainingTables, output: Path) -> None:
        """Write the copied distances of each chain of `tables.subset`, and what to fill them with."""
        targets = read_chains(tables.chains, read_subset(tables.split, tables.subset))
        training = read_chains(tables.chains, read_subset(tables.split, "train"))
        with tempfile.TemporaryDirectory() as name:
            neighbours = find(targets, training, folder=Path(name), threads=tables.threads)
        expected = Expected.of(training_means(tables))
        COPIES.write(output, (_copied(target, neighbours[target.chain_id], expected) for target in targets))
        logging.info("%d of %d chains have neighbours in training", sum(map(bool, neighbours.values())), len(targets))

    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[np.ndarray]:
        """Yield the distances (L, L) of each target, angstrom: copied, or those of the |i-j| null."""
        wanted = {target.chain_id for target in targets}
        rows = {row.chain_id: row for row in COPIES.read(fitted) if row.chain_id in wanted}
        for target in targets:
            row = rows[target.chain_id]
            copied = triangle.unpack(row.triu, len(target))
            yield np.where(np.isfinite(copied), copied, by_separation(row.profile))


def find(
    targets: Sequence[ChainSequence | ChainTrace],
    training: Sequence[ChainTrace],
    *,
    folder: Path,
    threads: int = 1,
    e_value: float = E_VALUE,
    most: int = NEIGHBOURS,
) -> Mapping[str, list[Neighbour]]:
    """Return the neighbours of each target by its id, the best alignment first.

    Parameters:
        targets, training: chains; one may be on both sides.
        folder: scratch space.
        threads: CPU threads.
        e_value: the most that an alignment may have.
        most: neighbours of one target.
    """
    queries = sorted({target.sequence for target in targets})
    chains_of: dict[str, list[ChainTrace]] = {}
    for chain in sorted(training, key=lambda chain: chain.chain_id):
        chains_of.setdefault(chain.sequence, []).append(chain)
    known = sorted(chains_of)
    alignments = align(queries, known, folder=folder, threads=threads, e_value=e_value)
    number = {sequence: at for at, sequence in enumerate(queries)}
    return {
        target.chain_id: [
            Neighbour(alignment, chain.coords)
            for alignment in alignments.get(number[target.sequence], [])
            for chain in chains_of[known[alignment.target]]
            if chain.chain_id != target.chain_id
        ][:most]
        for target in targets
    }


def copy_distances(length: int, neighbours: Sequence[Neighbour]) -> np.ndarray:
    """Return the distances (length, length) that the neighbours have, the first of them first, angstrom.

    Pairs that none covers are NaN.
    """
    copied = np.full((length, length), np.nan)
    for neighbour in neighbours:
        here, there = neighbour.alignment.pairs()
        block = np.ix_(here, here)
        matrix = pairwise_distances(torch.from_numpy(neighbour.coords[there].astype(np.float64))).numpy()
        copied[block] = np.where(np.isfinite(copied[block]), copied[block], matrix)
    return copied


def _copied(target: ChainTrace, neighbours: Sequence[Neighbour], expected: Expected) -> CopyRow:
    copied = triangle.pack(copy_distances(len(target), neighbours))
    return CopyRow(
        chain_id=target.chain_id,
        length=len(target),
        neighbours=len(neighbours),
        identity=neighbours[0].alignment.identity if neighbours else None,
        covered=float(np.isfinite(copied).sum() / max(1, copied.size)),
        triu=copied,
        profile=expected.profile(len(target)),
    )
