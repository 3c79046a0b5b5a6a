"""What a person wants to know of each kind of table: functions from a Parquet file to sections of text."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from proteinmtp.dataset import schemas
from proteinmtp.tables.parquet import read_rows

FIRST = 5
"""Rows shown as examples."""

SEQUENCE_START = 40


@dataclass(frozen=True)
class Section:
    """A small table of text: title, headers of the columns, rows."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


def chains(path: Path) -> list[Section]:
    """Lengths, what was observed, methods, years and resolutions, and the first few chains."""
    columns = ["chain_id", "sequence", "length", "observed", "resolution", "method", "year", "uniprot", "breaks"]
    rows = list(read_rows(path, columns))
    residues = sum(row["length"] for row in rows)
    unknown = sum(row["sequence"].count("X") for row in rows)
    facts = [
        ("residues", f"{residues:,}"),
        ("unknown residues (X)", _share(unknown, residues)),
        ("chains with breaks", _share(sum(bool(row["breaks"]) for row in rows), len(rows))),
        ("with a UniProt accession", _share(sum(bool(row["uniprot"]) for row in rows), len(rows))),
        ("methods", _counted(row["method"] for row in rows)),
    ]
    spread = [
        _spread("length, residues", [row["length"] for row in rows], 0),
        _spread("observed, fraction of a chain", [row["observed"].mean() for row in rows if len(row["observed"])], 3),
        _spread("resolution, angstrom", [row["resolution"] for row in rows], 2),
        _spread("year", [row["year"] for row in rows], 0),
    ]
    first = [
        (row["chain_id"], str(row["length"]), marked_sequence(row["sequence"], row["observed"])[:SEQUENCE_START])
        for row in rows[:FIRST]
    ]
    return [
        Section("chains", ("", ""), facts),
        Section("distributions", _SPREAD, spread),
        Section("first chains (lower case: not observed)", ("chain", "length", "sequence"), first),
    ]


def quarantine(path: Path) -> list[Section]:
    """Counts by code, each with the first of its sentences."""
    example: dict[str, tuple[str, str]] = {}
    count: Counter[str] = Counter()
    for row in read_rows(path):
        example.setdefault(row["code"], (row["entry_id"], row["message"]))
        count[row["code"]] += 1
    rows = [(code, f"{number:,}", *example[code]) for code, number in count.most_common()]
    return [Section("refused, by reason", ("code", "rows", "for example", "message"), rows)]


def manifest(path: Path) -> list[Section]:
    """Size of the files, their sources, and what was wrong with them by code."""
    rows = list(read_rows(path))
    sizes = [row["bytes"] for row in rows]
    facts = [
        ("files", f"{len(rows):,}"),
        ("bytes", f"{sum(size or 0 for size in sizes):,}"),
        ("sources", _counted(row["source"] for row in rows)),
        ("problems", _counted(row["code"] for row in rows if row["code"])),
    ]
    spread = [
        _spread("bytes of a file", sizes, 0),
        _spread("resolution, angstrom", [row["resolution"] for row in rows], 2),
        _spread("year", [row["year"] for row in rows], 0),
    ]
    return [Section("files", ("", ""), facts), Section("distributions", _SPREAD, spread)]


def distances(path: Path) -> list[Section]:
    """Number of pairs, bytes for each, and the range of the distances."""
    count = pairs = unknown = 0
    low, high = np.inf, -np.inf
    lengths = []
    for row in read_rows(path, ["length", "triu"]):
        finite = row["triu"][np.isfinite(row["triu"])]
        pairs += len(row["triu"])
        unknown += len(row["triu"]) - len(finite)
        low, high = min(low, finite.min(initial=np.inf)), max(high, finite.max(initial=-np.inf))
        lengths.append(row["length"])
        count += 1
    facts = [
        ("chains", f"{count:,}"),
        ("pairs", f"{pairs:,}"),
        ("pairs without a distance", _share(unknown, pairs)),
        ("bytes per pair, packed", f"{_packed_bytes(path, 'triu') / pairs:.2f}" if pairs else "-"),
        ("range, angstrom", f"{low:.2f} - {high:.2f}" if pairs > unknown else "-"),
    ]
    spread = [_spread("length, residues", lengths, 0)]
    return [Section("distances", ("", ""), facts), Section("distributions", _SPREAD, spread)]


def split(path: Path) -> list[Section]:
    """Sizes of the subsets, and of the clusters."""
    rows = list(read_rows(path))
    clusters = Counter(row["cluster_id"] for row in rows)
    facts = [("chains", f"{len(rows):,}"), ("clusters", f"{len(clusters):,}")]
    if clusters:
        name, size = clusters.most_common(1)[0]
        facts.append(("largest cluster", f"{name}, {_share(size, len(rows))} chains"))
        facts.append(("clusters of one chain", f"{sum(size == 1 for size in clusters.values()):,}"))
    names = ("train", "val", "test")
    held = [(name, [row for row in rows if row[name]]) for name in names]
    held.append(("none", [row for row in rows if not any(row[name] for name in names)]))
    subsets = [
        (name, _share(len(of), len(rows)), f"{len({row['cluster_id'] for row in of}):,}", f"{_residues(of):,}")
        for name, of in held
    ]
    return [
        Section("split", ("", ""), facts),
        Section("subsets", ("subset", "chains", "clusters", "residues"), subsets),
    ]


KINDS: dict[str, tuple[set[str], Callable[[Path], list[Section]] | None]] = {
    "chains": (set(schemas.CHAINS.names), chains),
    "quarantine": (set(schemas.QUARANTINE.names), quarantine),
    "manifest": (set(schemas.MANIFEST.names), manifest),
    "split": (set(schemas.SPLIT.names), split),
    "predictions": ({"chain_id", "triu", "sigma"}, None),
    "examples": ({"run", "label", "native", "model"}, None),
    "metrics": ({"run", "chain_id", "tm_score", "stress"}, None),
    "training history": ({"run", "step", "train_loss"}, None),
    "structures": ({"chain_id", "coords", "stress"}, None),
    "distances": (set(schemas.DISTANCES.names), distances),
}
"""The columns that tell a kind of table, and what is said of it; the first kind whose columns are all there counts."""


def marked_sequence(sequence: str, observed: np.ndarray | None) -> str:
    """Return the sequence with residues that were not observed in lower case."""
    if observed is None:
        return sequence
    return "".join(letter if seen else letter.lower() for letter, seen in zip(sequence, observed.tolist(), strict=True))


_SPREAD = ("", "known", "least", "5 %", "median", "95 %", "most")


def _spread(name: str, values: Iterable[float | None], digits: int) -> tuple[str, ...]:
    known = [value for value in values if value is not None]
    if not known:
        return (name, "0", *["-"] * 5)
    return (name, f"{len(known):,}", *(f"{value:.{digits}f}" for value in np.percentile(known, [0, 5, 50, 95, 100])))


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else "0"


def _counted(values: Iterable[str | None]) -> str:
    return ", ".join(f"{value or 'unknown'} {count:,}" for value, count in Counter(values).most_common()) or "none"


def _residues(rows: Iterable[dict[str, int]]) -> int:
    return sum(row["length"] for row in rows)


def _packed_bytes(path: Path, column: str) -> int:
    metadata = pq.read_metadata(path)
    return sum(
        chunk.total_compressed_size
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema.split(".")[0] == column
    )
