"""Metrics: the scores of each chain of a run. What is scored is an open list, `proteinmtp.base.metrics`."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa

from proteinmtp.base.files import atomic
from proteinmtp.base.metrics import METRICS_SHOWN, NAMES, PROFILES
from proteinmtp.tables.parquet import DOUBLE, FLOATS, INT, TEXT, Table

UNREADABLE = "parse_failures"
"""The metric that follows from a written text, not from coordinates."""


@dataclass(frozen=True, kw_only=True)
class MetricsRow:
    """The scores of one chain.

    Attributes:
        scores: by the name of the metric; None where there is none.
        profiles: by name, a value for each bin or for each observed residue; None where there is none.
    """

    run: Annotated[str, TEXT, "name of the run"]
    chain_id: Annotated[str, TEXT, "of the chain"]
    cluster_id: Annotated[str, TEXT, "homology cluster of the chain"]
    length: Annotated[int, INT, "residues"]
    observed: Annotated[int, INT, "residues with a position in the experiment"]
    scores: Mapping[str, float | None]
    profiles: Mapping[str, np.ndarray | None]
    confidence: Annotated[np.ndarray | None, FLOATS, "expected lDDT of the observed residues, 0..100; null if none"]
    stress: Annotated[float | None, DOUBLE, "of the rebuilt trace, angstrom"]
    mirror_margin: Annotated[float | None, DOUBLE, "of the rebuilt trace, nats per residue"]
    mixed_hand: Annotated[float | None, DOUBLE, "of the rebuilt trace"]
    error_reach: Annotated[float | None, DOUBLE, "of the rebuilt trace, residues"]

    @property
    def mean_confidence(self) -> float | None:
        """Over the observed residues that have one; None without any, as where a comparator's file has no residue."""
        known = np.empty(0) if self.confidence is None else self.confidence[np.isfinite(self.confidence)]
        return float(known.mean()) if len(known) else None


class _Metrics(Table[MetricsRow]):
    """The flat table of nested rows; metrics that an old file does not have are left out of its rows."""

    _BEFORE = ("run", "chain_id", "cluster_id", "length", "observed")
    _AFTER = ("confidence", "stress", "mirror_margin", "mixed_hand", "error_reach")

    def columns(self) -> dict[str, tuple[pa.DataType, str]]:
        own = MetricsRow.__annotations__
        titles = {metric.name: metric.title for metric in METRICS_SHOWN}
        return (
            {name: own[name].__metadata__ for name in self._BEFORE}
            | {name: (DOUBLE, titles.get(name, name.replace("_", " ") + ", Å")) for name in NAMES}
            | {name: (FLOATS, _profile_meaning(name)) for name in PROFILES}
            | {name: own[name].__metadata__ for name in self._AFTER}
            | {UNREADABLE: (DOUBLE, titles[UNREADABLE])}
        )

    def cells(self, row: MetricsRow) -> list[Any]:
        before, after = ([getattr(row, name) for name in names] for names in (self._BEFORE, self._AFTER))
        of_metrics = [row.scores[name] for name in NAMES] + [row.profiles[name] for name in PROFILES]
        return [*before, *of_metrics, *after, row.scores[UNREADABLE]]

    def read(self, *paths: Path) -> Iterator[MetricsRow]:
        for path in paths:
            there = self.columns_in(path)
            scores = [name for name in (*NAMES, UNREADABLE) if name in there]
            profiles = [name for name in PROFILES if name in there]
            after = [name for name in self._AFTER if name in there]
            names = [*self._BEFORE, *after, *scores, *profiles]
            for values in self.read_cells(path, names):
                cells = dict(zip(names, values, strict=True))
                fixed: Any = {name: cells.get(name) for name in (*self._BEFORE, *self._AFTER)}
                yield MetricsRow(
                    **fixed,
                    scores={name: cells[name] for name in scores},
                    profiles={name: cells[name] for name in profiles},
                )


def _profile_meaning(name: str) -> str:
    words = name.replace("_", " ")
    return f"{words.removesuffix('residues')}of each observed residue" if "residues" in words else f"{words}, Å"


METRICS = _Metrics("metrics", MetricsRow, ("run", "chain_id", "tm_score", "stress"))


def write_csv(path: Path, rows: Iterable[MetricsRow]) -> None:
    """Write the columns that are one text or one number as CSV; what is not known is empty."""
    columns = ("run", "chain_id", "cluster_id", "length", "observed")
    scores = (*NAMES, UNREADABLE)
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, *scores, "confidence"])
        for row in rows:
            numbers = [*(row.scores.get(name) for name in scores), row.mean_confidence]
            known = [None if value is None or np.isnan(value) else value for value in numbers]
            writer.writerow([*(getattr(row, name) for name in columns), *known])
