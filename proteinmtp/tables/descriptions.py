"""What a file of a table holds, in small tables of text for people.

No stage imports this module, so a change of words here reruns none.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.quarantine import QUARANTINE, QuarantineRow
from proteinmtp.tables.split import SPLIT, SUBSETS, SplitRow

FIRST, SEQUENCE_START = 5, 40
"""Chains that are shown as examples, and residues of each."""

SPREAD = ("", "known", "least", "5 %", "median", "95 %", "most")
"""Headers of rows made by `_spread`."""


@dataclass(frozen=True)
class TextTable:
    """A small table of text: title, headers of the columns (all empty: none are shown), rows."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class _ChainFacts:
    """The columns that `describe_chains` reads."""

    chain_id: str
    sequence: str
    length: int
    observed: np.ndarray
    resolution: float | None
    method: str | None
    year: int | None
    uniprot: str | None
    breaks: int | None


def describe_chains(path: Path) -> list[TextTable]:
    """Return lengths, observed fractions, methods, years and resolutions, and the first few chains."""
    rows = list(CHAINS.read_as(_ChainFacts, path))
    residues = sum(row.length for row in rows)
    facts = [
        ("residues", f"{residues:,}"),
        ("unknown residues (X)", _share(sum(row.sequence.count("X") for row in rows), residues)),
        ("chains with breaks", _share(sum(bool(row.breaks) for row in rows), len(rows))),
        ("with a UniProt accession", _share(sum(bool(row.uniprot) for row in rows), len(rows))),
        ("methods", _counted(row.method for row in rows)),
    ]
    distributions = [
        _spread("length, residues", [row.length for row in rows], 0),
        _spread("observed, fraction of a chain", [row.observed.mean() for row in rows if len(row.observed)], 3),
        _spread("resolution, angstrom", [row.resolution for row in rows], 2),
        _spread("year", [row.year for row in rows], 0),
    ]
    first = [
        (row.chain_id, str(row.length), marked_sequence(row.sequence, row.observed)[:SEQUENCE_START])
        for row in rows[:FIRST]
    ]
    return [
        TextTable("chains", ("", ""), facts),
        TextTable("distributions", SPREAD, distributions),
        TextTable("first chains (lower case: not observed)", ("chain", "length", "sequence"), first),
    ]


def describe_distances(path: Path) -> list[TextTable]:
    """Return the number of pairs, bytes for each, and the range of the distances."""
    pairs = unknown = 0
    low, high = np.inf, -np.inf
    lengths = []
    for row in DISTANCES.read(path):
        known = row.triu[np.isfinite(row.triu)]
        pairs += len(row.triu)
        unknown += len(row.triu) - len(known)
        low, high = min(low, known.min(initial=np.inf)), max(high, known.max(initial=-np.inf))
        lengths.append(row.length)
    facts = [
        ("chains", f"{len(lengths):,}"),
        ("pairs", f"{pairs:,}"),
        ("pairs without a distance", _share(unknown, pairs)),
        ("bytes per pair, packed", f"{_packed_bytes(path, 'triu') / pairs:.2f}" if pairs else "-"),
        ("range, angstrom", f"{low:.2f} - {high:.2f}" if pairs > unknown else "-"),
    ]
    distributions = [_spread("length, residues", lengths, 0)]
    return [TextTable("distances", ("", ""), facts), TextTable("distributions", SPREAD, distributions)]


def describe_manifest(path: Path) -> list[TextTable]:
    """Return the size of the files, their sources, and the codes of what is wrong with them."""
    rows = list(MANIFEST.read(path))
    facts = [
        ("files", f"{len(rows):,}"),
        ("bytes", f"{sum(row.bytes for row in rows):,}"),
        ("sources", _counted(row.source for row in rows)),
        ("problems", _counted(row.code for row in rows if row.code)),
    ]
    distributions = [
        _spread("bytes of a file", [row.bytes for row in rows], 0),
        _spread("resolution, angstrom", [row.resolution for row in rows], 2),
        _spread("year", [row.year for row in rows], 0),
    ]
    return [TextTable("files", ("", ""), facts), TextTable("distributions", SPREAD, distributions)]


def describe_quarantine(path: Path) -> list[TextTable]:
    """Return the number of rows by code, each with the first of its sentences."""
    example: dict[str, QuarantineRow] = {}
    count: Counter[str] = Counter()
    for row in QUARANTINE.read(path):
        example.setdefault(row.code, row)
        count[row.code] += 1
    rows = [(code, f"{n:,}", example[code].entry_id, example[code].message) for code, n in count.most_common()]
    return [TextTable("refused, by reason", ("code", "rows", "for example", "message"), rows)]


def describe_split(path: Path) -> list[TextTable]:
    """Return the sizes of the subsets, and of the clusters."""
    rows = list(SPLIT.read(path))
    clusters = Counter(row.cluster_id for row in rows)
    facts = [("chains", f"{len(rows):,}"), ("clusters", f"{len(clusters):,}")]
    if clusters:
        name, size = clusters.most_common(1)[0]
        facts.append(("largest cluster", f"{name}, {_share(size, len(rows))} chains"))
        facts.append(("clusters of one chain", f"{sum(size == 1 for size in clusters.values()):,}"))
    held = {name: [row for row in rows if row.is_in(name)] for name in SUBSETS}
    held["none"] = [row for row in rows if not any(map(row.is_in, SUBSETS))]
    subsets = [_subset(name, of_subset, len(rows)) for name, of_subset in held.items()]
    return [
        TextTable("split", ("", ""), facts),
        TextTable("subsets", ("subset", "chains", "clusters", "residues"), subsets),
    ]


def marked_sequence(sequence: str, observed: np.ndarray | None) -> str:
    """Return a sequence of L letters, those of residues that are not `observed` (L,) in lower case."""
    if observed is None:
        return sequence
    return "".join(letter if seen else letter.lower() for letter, seen in zip(sequence, observed.tolist(), strict=True))


def _subset(name: str, rows: Sequence[SplitRow], whole: int) -> tuple[str, ...]:
    clusters, residues = len({row.cluster_id for row in rows}), sum(row.length for row in rows)
    return (name, _share(len(rows), whole), f"{clusters:,}", f"{residues:,}")


def _packed_bytes(path: Path, column: str) -> int:
    metadata = pq.read_metadata(path)
    return sum(
        chunk.total_compressed_size
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema.split(".")[0] == column
    )


def _spread(name: str, values: Iterable[float | None], digits: int) -> tuple[str, ...]:
    """Return a row with the number of known values, their least, greatest and some percentiles."""
    known = [value for value in values if value is not None]
    if not known:
        return (name, "0", *["-"] * 5)
    return (name, f"{len(known):,}", *(f"{value:.{digits}f}" for value in np.percentile(known, [0, 5, 50, 95, 100])))


def _share(part: int, whole: int) -> str:
    """Return a count with its share of the whole."""
    return f"{part:,} ({part / whole:.1%})" if whole else "0"


def _counted(values: Iterable[str | None]) -> str:
    """Return the distinct values, each with its number, most frequent first."""
    return ", ".join(f"{value or 'unknown'} {count:,}" for value, count in Counter(values).most_common()) or "none"
