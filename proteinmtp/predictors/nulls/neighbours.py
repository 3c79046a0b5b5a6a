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

import numpy as np
import pyarrow as pa
import torch

from proteinmtp.splitting.homology import Alignment, align
from proteinmtp.tables.reader import ChainRecord, read_chains, read_subset
from proteinmtp.tables.parquet import open_table, read_rows
from proteinmtp.geometry.distances import pack_upper, pairwise_distances, unpack_upper
from proteinmtp.predictors.nulls import Tables, Target, separation

DESCRIPTION = "distances copied from training chains of like sequence (MMseqs2), else the |i-j| null"

NEIGHBOURS = 10
E_VALUE = 0.1

SCHEMA = pa.schema(
    [
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("neighbours", pa.int32()),
        ("identity", pa.float64()),
        ("covered", pa.float64()),
        ("triu", pa.list_(pa.float16())),
        ("profile", pa.list_(pa.float32())),
    ]
)
"""`neighbours` that were used, `identity` of the best (null if there is none), share of the pairs that is `covered`;
`triu` holds the copied distances, NaN where there are none; `profile` the |i-j| null at separations 1..L-1."""


@dataclass(frozen=True)
class Neighbour:
    """A training chain and how its sequence lies on that of the chain in question."""

    alignment: Alignment
    coords: np.ndarray


def fit(tables: Tables, output: Path) -> None:
    """Write the copied distances of each chain of `tables.subset`, and what to fill them with."""
    targets = read_chains(tables.chains, read_subset(tables.split, tables.subset))
    training = read_chains(tables.chains, read_subset(tables.split, "train"))
    with tempfile.TemporaryDirectory() as name, open_table(output, SCHEMA) as table:
        found = find(targets, training, Path(name), tables.threads)
        separation.fit(tables, Path(name) / "separation.parquet")
        null = separation.SeparationNull.read(Path(name) / "separation.parquet")
        for target in targets:
            neighbours = found[target.chain_id]
            copied = pack_upper(copy_distances(len(target), neighbours))
            table.add(
                {
                    "chain_id": target.chain_id,
                    "length": len(target),
                    "neighbours": len(neighbours),
                    "identity": neighbours[0].alignment.identity if neighbours else None,
                    "covered": float(np.isfinite(copied).sum() / max(1, copied.size)),
                    "triu": copied,
                    "profile": null.profile(len(target)),
                }
            )
    logging.info("%d of %d chains have neighbours in training", sum(map(bool, found.values())), len(targets))


def predict(fitted: Path, targets: Sequence[Target]) -> Iterator[np.ndarray]:
    """Yield the distances (L, L) of each target, angstrom: copied, or those of the |i-j| null."""
    wanted = {target.chain_id for target in targets}
    rows = {row["chain_id"]: row for row in read_rows(fitted) if row["chain_id"] in wanted}
    for target in targets:
        row = rows[target.chain_id]
        copied = unpack_upper(row["triu"].astype(np.float64), len(target))
        index = np.arange(len(target))
        null = np.concatenate([[0.0], row["profile"]])[np.abs(index[:, None] - index)]
        yield np.where(np.isfinite(copied), copied, null)


def find(
    targets: Sequence[ChainRecord], training: Sequence[ChainRecord], folder: Path, threads: int = 1
) -> Mapping[str, list[Neighbour]]:
    """Return the neighbours of each target, at most `NEIGHBOURS`, the best alignment first.

    Parameters:
        targets, training: chains; one may be on both sides.
        folder: scratch space.
        threads: CPU threads.
    """
    queries = sorted({target.sequence for target in targets})
    chains_of: dict[str, list[ChainRecord]] = {}
    for chain in sorted(training, key=lambda chain: chain.chain_id):
        chains_of.setdefault(chain.sequence, []).append(chain)
    known = sorted(chains_of)
    alignments = align(queries, known, folder, threads, E_VALUE)
    number = {sequence: at for at, sequence in enumerate(queries)}
    return {
        target.chain_id: [
            Neighbour(alignment, chain.coords)
            for alignment in alignments.get(number[target.sequence], [])
            for chain in chains_of[known[alignment.target]]
            if chain.chain_id != target.chain_id
        ][:NEIGHBOURS]
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
