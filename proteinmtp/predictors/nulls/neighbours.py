"""The neighbours null: distances and turns copied from the training chains whose sequences can be aligned.

What retrieval alone gets. MMseqs2 aligns each chain with the training chains of the run (E-value at most 0.1). Where
two residues of the chain stand opposite two observed residues of a training chain, their distance is copied; the best
alignment comes first, and the next ones, `NEIGHBOURS` at most, fill what those before them leave open; turns likewise,
of four residues that follow each other in both. The rest is filled from the |i-j| null, and a chain without neighbours
is the |i-j| null. A chain is never its own neighbour; a copy
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

from proteinmtp.base.space import writing
from proteinmtp.geometry.bins import BINS, around
from proteinmtp.geometry.chirality import pseudo_dihedrals
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.torsion import turns_around
from proteinmtp.predictors.null import Guess, NullBase, TrainingTables
from proteinmtp.predictors.nulls.separation import Expected, training_lengths
from proteinmtp.splitting.homology import Alignment, align
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import ChainSequence, ChainTrace, read_chains
from proteinmtp.tables.parquet import DOUBLE, FLOATS, HALFS, INT, TEXT, Table
from proteinmtp.tables.split import read_subset

NEIGHBOURS = 10
E_VALUE = 0.1
WIDTH, TURN_WIDTH = 1.0, 0.3
"""Standard deviations that copies are given: angstrom of distances, radians of turns."""
MISTAKEN = 0.1
"""Probability that a copy says nothing, and what is usual holds."""


@dataclass(frozen=True, kw_only=True)
class CopyRow:
    """What is copied for one chain of L residues, and what fills the rest."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    neighbours: Annotated[int, INT, "training chains that were used"]
    identity: Annotated[float | None, DOUBLE, "of the best alignment, 0..1; null if there is none"]
    covered: Annotated[float, DOUBLE, "share of the pairs that were copied"]
    triu: Annotated[np.ndarray, HALFS, "(P,) copied distances of the pairs i < j, angstrom; NaN where there is none"]
    turns: Annotated[np.ndarray, HALFS, "(L-3,) copied pseudo-dihedrals, radians; NaN where there is none"]
    profile: Annotated[np.ndarray, FLOATS, "(L-1,) the |i-j| null at separations 1..L-1, angstrom"]
    usual: Annotated[np.ndarray, HALFS, "((L-1) x bins,) ln p of each bin of distance at these separations"]
    usual_turn: Annotated[np.ndarray, HALFS, "(bins,) ln p of each bin of a pseudo-dihedral"]


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
        with tempfile.TemporaryDirectory(prefix="mmseqs-") as name, writing(Path(name)):
            neighbours = find(targets, training, folder=Path(name), threads=tables.threads)
        expected = Expected.of(training_lengths(tables))
        COPIES.write(output, (_copied(target, neighbours[target.chain_id], expected) for target in targets))
        logging.info("%d of %d chains have neighbours in training", sum(map(bool, neighbours.values())), len(targets))

    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[Guess]:
        """Yield what is copied for each target, or what the |i-j| null says."""
        wanted = {target.chain_id for target in targets}
        rows = {row.chain_id: row for row in COPIES.read(fitted) if row.chain_id in wanted}
        for target in targets:
            yield _guess(rows[target.chain_id])


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


def copy_turns(length: int, neighbours: Sequence[Neighbour]) -> np.ndarray:
    """Return the pseudo-dihedrals (max(length - 3, 0),) that the neighbours have, the first of them first, radians.

    Those that none covers are NaN.
    """
    copied = np.full(max(length - 3, 0), np.nan)
    for neighbour in neighbours:
        here, there = neighbour.alignment.pairs()
        follow = (np.diff(here) == 1) & (np.diff(there) == 1)
        begins = np.flatnonzero(follow[:-2] & follow[1:-1] & follow[2:])
        if not len(begins):
            continue
        turns = pseudo_dihedrals(torch.from_numpy(neighbour.coords[there].astype(np.float64))).numpy()[begins]
        copied[here[begins]] = np.where(np.isfinite(copied[here[begins]]), copied[here[begins]], turns)
    return copied


def _guess(row: CopyRow) -> Guess:
    first, second = np.triu_indices(row.length, 1)
    copied, turns = row.triu.astype(np.float64), row.turns.astype(np.float64)
    usual = row.usual.astype(np.float64).reshape(-1, BINS)[second - first - 1]
    distances = np.where(np.isfinite(copied), copied, row.profile[second - first - 1])
    return Guess(
        distances=triangle.unpack(distances, row.length),
        likely=_mixed(around(torch.from_numpy(copied), WIDTH).numpy(), usual, known=np.isfinite(copied)),
        turns=_mixed(
            turns_around(torch.from_numpy(turns), TURN_WIDTH).numpy(),
            np.tile(row.usual_turn.astype(np.float64), (len(turns), 1)),
            known=np.isfinite(turns),
        ),
    )


def _mixed(copied: np.ndarray, usual: np.ndarray, *, known: np.ndarray) -> np.ndarray:
    """Return ln p (N, K) of what is copied and may be mistaken; what is usual where nothing is known (N,)."""
    mixed = usual.copy()
    mixed[known] = np.logaddexp(np.log1p(-MISTAKEN) + copied[known], np.log(MISTAKEN) + usual[known])
    return mixed


def _copied(target: ChainTrace, neighbours: Sequence[Neighbour], expected: Expected) -> CopyRow:
    copied = triangle.pack(copy_distances(len(target), neighbours))
    return CopyRow(
        chain_id=target.chain_id,
        length=len(target),
        neighbours=len(neighbours),
        identity=neighbours[0].alignment.identity if neighbours else None,
        covered=float(np.isfinite(copied).sum() / max(1, copied.size)),
        triu=copied,
        turns=copy_turns(len(target), neighbours),
        profile=expected.profile(len(target)),
        usual=expected.likely(len(target)).ravel(),
        usual_turn=expected.turn(len(target)),
    )
