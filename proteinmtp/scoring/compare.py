"""Two results set against each other, chain by chain: `proteinmtp compare A B`."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from proteinmtp.config.whole import NULL_PREFIX
from proteinmtp.tables.parquet import read_all
from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.scoring.statistics import Difference, Summary, counts, paired_difference, resampling_unit, summarise

NEEDED = ("run", "chain_id", "cluster_id", "length")


class CompareError(ValueError):
    """Two results that cannot be compared, or a result that cannot be read."""


@dataclass(frozen=True)
class Result:
    """The scores of one run.

    Attributes:
        path: where they were found.
        run: name of the run.
        rows: of the table of scores, by chain id.
        unit: what a bootstrap draws, `chain_id` or `cluster_id`.
    """

    path: Path
    run: str
    rows: Mapping[str, Mapping[str, Any]]
    unit: str

    @property
    def label(self) -> str:
        """Name for people."""
        return f"{self.path}, {self.run}"


@dataclass(frozen=True)
class Line:
    """One metric in both results, over the chains that both scored."""

    metric: Metric
    a: Summary
    b: Summary
    difference: Difference


@dataclass(frozen=True)
class Comparison:
    """What two results say of the same chains.

    Attributes:
        a, b: the results.
        lines: one for each metric that both have.
        common: ids of the chains that both have, with equal length.
        only_a, only_b: ids that one of them has.
        unequal: ids that both have with different lengths, so they are different chains and do not count.
        unit: what the bootstrap draws.
        clusters_differ: whether the two results divide the common chains into different clusters; those of A are used.
    """

    a: Result
    b: Result
    lines: Sequence[Line]
    common: Sequence[str]
    only_a: Sequence[str]
    only_b: Sequence[str]
    unequal: Sequence[str]
    unit: str
    clusters_differ: bool

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "a": {"path": str(self.a.path), "run": self.a.run},
            "b": {"path": str(self.b.path), "run": self.b.run},
            "common": len(self.common),
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "unequal": list(self.unequal),
            "drawn": self.unit.removesuffix("_id"),
            "clusters_differ": self.clusters_differ,
            "metrics": {
                line.metric.name: {
                    "a": line.a.as_dict(),
                    "b": line.b.as_dict(),
                    "difference": line.difference.as_dict(),
                    "lower_is_better": line.metric.lower_is_better,
                }
                for line in self.lines
            },
        }


def read_result(path: Path, run: str | None = None) -> Result:
    """Read the scores of one run.

    Parameters:
        path: a results folder or a Parquet file of scores.
        run: its name; may be left out if there is one run, nulls not counted.

    Raises:
        CompareError: if there are no scores, or none or several runs fit.
    """
    tables, unit = [path], "cluster_id"
    if path.is_dir():
        whole = path / "report" / "metrics.parquet"
        tables = [whole] if whole.is_file() else sorted(path.glob("runs/*/metrics.parquet"))
        unit = _unit(path / "data" / "split.json")
    if not tables:
        raise CompareError(f"{path} holds no scores: neither report/metrics.parquet nor runs/*/metrics.parquet")
    try:
        rows = list(read_all(tables))
    except (pa.ArrowException, OSError) as error:
        raise CompareError(f"{path} cannot be read: {str(error).strip().splitlines()[0]}") from None
    if rows and not set(NEEDED) <= set(rows[0]):
        raise CompareError(f"{path} is no table of scores; it has the columns {', '.join(rows[0])}")
    name = _choose(path, run, sorted({row["run"] for row in rows}))
    return Result(path, name, {row["chain_id"]: row for row in rows if row["run"] == name}, unit)


def compare(a: Result, b: Result, samples: int = 2000, seed: int = 0) -> Comparison:
    """Compare two results over the chains that both have.

    Parameters:
        a, b: results; a difference is that of A minus B.
        samples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        CompareError: if they are the same, or have no chain in common.
    """
    if (a.path, a.run) == (b.path, b.run):
        raise CompareError(f"both are {a.label}; name two runs: --run X --run Y")
    both = sorted(a.rows.keys() & b.rows.keys())
    common = [chain for chain in both if a.rows[chain]["length"] == b.rows[chain]["length"]]
    if not common:
        raise CompareError(f"{a.label} and {b.label} have no chain in common")
    unit = a.unit if a.unit == b.unit else "cluster_id"
    group_of = {chain: a.rows[chain][unit] for chain in common}
    groups = list(group_of.values())
    lines = []
    for metric in METRICS_SHOWN:
        if any(metric.name not in result.rows[common[0]] for result in (a, b)):
            continue
        ours, theirs = ({chain: result.rows[chain][metric.name] for chain in common} for result in (a, b))
        paired = [chain for chain in common if counts(ours[chain]) and counts(theirs[chain])]
        mean_a, mean_b = (
            summarise([values[chain] for chain in paired], [group_of[chain] for chain in paired], samples, seed)
            for values in (ours, theirs)
        )
        difference = paired_difference(ours, theirs, group_of, metric.lower_is_better, samples, seed)
        lines.append(Line(metric, mean_a, mean_b, difference))
    return Comparison(
        a, b, lines, common,
        only_a=sorted(a.rows.keys() - b.rows.keys()),
        only_b=sorted(b.rows.keys() - a.rows.keys()),
        unequal=sorted(set(both) - set(common)),
        unit=unit,
        clusters_differ=unit == "cluster_id" and _partition(groups) != _partition(
            [b.rows[chain]["cluster_id"] for chain in common]
        ),
    )  # fmt: skip


def _unit(split_summary: Path) -> str:
    """Return what a bootstrap draws under the split of a results folder; clusters if the folder does not say."""
    if not split_summary.is_file():
        return "cluster_id"
    return resampling_unit(json.loads(split_summary.read_text(encoding="utf-8")).get("method", ""))


def _choose(path: Path, run: str | None, runs: Sequence[str]) -> str:
    if run in runs:
        return str(run)
    there = ", ".join(runs) or "no run"
    if run is not None:
        close = difflib.get_close_matches(run, runs, n=1)
        raise CompareError(f"{path} has no run {run!r}; {f'did you mean {close[0]}? ' if close else ''}it has {there}")
    models = [name for name in runs if not name.startswith(NULL_PREFIX)]
    candidates = models if models else runs
    if len(candidates) != 1:
        raise CompareError(f"{path} has {there}; name one with --run")
    return candidates[0]


def _partition(groups: Sequence[str]) -> list[int]:
    """Return the number of the group of each chain, in the order in which groups appear."""
    number: dict[str, int] = {}
    return [number.setdefault(group, len(number)) for group in groups]
