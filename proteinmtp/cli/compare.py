"""`proteinmtp compare A B`: two results set against each other, chain by chain."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from proteinmtp.cli.console import Page
from proteinmtp.cli.results import read_result
from proteinmtp.scoring.compare import Comparison, Line
from proteinmtp.scoring.compare import compare as compared
from proteinmtp.tables.record import Record
from proteinmtp.tables.report_summary import ScoreDifference, ScoreSummary

NAMED = 3
"""Chains that are named where some are missing."""


class ResultName(Record):
    """Where a result is from, and its run."""

    path: str
    run: str


class LineRecord(Record):
    """One metric of a comparison."""

    a: ScoreSummary
    b: ScoreSummary
    difference: ScoreDifference
    lower_is_better: bool


class ComparisonRecord(Record):
    """A comparison as JSON; `metrics` is by name."""

    a: ResultName
    b: ResultName
    common: int
    only_a: list[str]
    only_b: list[str]
    unequal: list[str]
    drawn: str
    clusters_differ: bool
    metrics: dict[str, LineRecord]


def compare(
    a: Annotated[Path, typer.Argument(exists=True, help="A results folder or a table of scores (metrics.parquet).")],
    b: Annotated[Path, typer.Argument(exists=True, help="The same; may be the same folder with another run.")],
    run: Annotated[list[str] | None, typer.Option(help="Run of A, given again the run of B; once: of both.")] = None,
    samples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compare two results chain by chain: means, paired differences with intervals, and who is better."""
    runs: list[str | None] = [*run] if run else [None]
    if len(runs) > 2:
        raise typer.BadParameter("--run is given at most twice, for A and for B")
    comparison = compared(a=read_result(a, runs[0]), b=read_result(b, runs[-1]), samples=samples, seed=seed)
    if as_json:
        typer.echo(json.dumps(record(comparison).model_dump(mode="json"), indent=1))
    else:
        show(comparison)


def record(comparison: Comparison) -> ComparisonRecord:
    """Return a comparison as it is printed as JSON."""
    lines = {
        line.metric.name: {
            "a": line.a,
            "b": line.b,
            "difference": line.difference,
            "lower_is_better": line.metric.lower_is_better,
        }
        for line in comparison.lines
    }
    values = {
        "a": {"path": comparison.a.origin, "run": comparison.a.run},
        "b": {"path": comparison.b.origin, "run": comparison.b.run},
        "common": len(comparison.common),
        "only_a": comparison.only_a,
        "only_b": comparison.only_b,
        "unequal": comparison.unequal,
        "drawn": comparison.bootstrap.drawn,
        "clusters_differ": comparison.clusters_differ,
        "metrics": lines,
    }
    return ComparisonRecord.model_validate(values, from_attributes=True)


def show(comparison: Comparison) -> None:
    """Print a comparison: a table, and what the two results do not have in common."""
    page = Page()
    page.line(f"A: {comparison.a.label}\nB: {comparison.b.label}")
    headers = ("", "A", "B", "A - B", "95 % interval", "A wins", "n", "")
    page.table(headers, [_cells(line) for line in comparison.lines], numbers=True)
    for sentence in notes(comparison):
        page.line(sentence)


def notes(comparison: Comparison) -> list[str]:
    """Return what a reader must know of the chains behind the table, one sentence a line."""
    sentences = [
        f"Means and differences over {len(comparison.common)} common chains; the bootstrap draws"
        f" {comparison.bootstrap.drawn}s."
    ]
    for which, chains in (("A", comparison.only_a), ("B", comparison.only_b)):
        if chains:
            sentences.append(f"{_counted(chains)} only in {which}.")
    if comparison.unequal:
        sentences.append(f"{_counted(comparison.unequal)} left out, because the two results have different lengths.")
    if comparison.clusters_differ:
        sentences.append("The results cluster the common chains differently; the clusters of A were drawn.")
    return sentences


def _cells(line: Line) -> tuple[str, ...]:
    digits = 2 if line.metric.lower_is_better else 3
    difference = line.difference

    def number(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign}.{digits}f}"

    return (
        f"{line.metric.title} ({'lower' if line.metric.lower_is_better else 'higher'} is better)",
        number(line.a.mean),
        number(line.b.mean),
        number(difference.mean, "+"),
        f"{number(difference.low, '+')} to {number(difference.high, '+')}",
        "-" if difference.won is None else f"{difference.won:.0%}",
        str(difference.n),
        f"A is {difference.verdict} B" if difference.verdict else "too few to tell",
    )


def _counted(chains: Sequence[str]) -> str:
    named = ", ".join(chains[:NAMED]) + (", ..." if len(chains) > NAMED else "")
    return f"{len(chains)} chain{'' if len(chains) == 1 else 's'} ({named})"
