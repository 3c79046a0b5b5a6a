"""A comparison as text for people: a table, and what the two results do not have in common."""

import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proteinmtp.cli.inspect import PIPED_WIDTH
from proteinmtp.scoring.compare import Comparison, Line

NAMED = 3
"""Chains that are named where some are missing."""


def show(comparison: Comparison) -> None:
    """Print a comparison, with frames on a terminal and plain in a pipe."""
    framed = sys.stdout.isatty()
    console = Console(width=None if framed else PIPED_WIDTH, highlight=False)
    console.print(f"A: {comparison.a.label}\nB: {comparison.b.label}", markup=False)
    table = Table(box=box.SIMPLE if framed else None, header_style="dim", pad_edge=framed)
    for header in ("", "A", "B", "A - B", "95 % interval", "A wins", "n", ""):
        table.add_column(header, justify="left" if header == "" else "right")
    for line in comparison.lines:
        table.add_row(*(Text(cell) for cell in _cells(line)))
    console.print(table)
    for sentence in notes(comparison):
        console.print(sentence, markup=False)


def notes(comparison: Comparison) -> list[str]:
    """Return what a reader must know of the chains behind the table, one sentence a line."""
    drawn = comparison.unit.removesuffix("_id")
    sentences = [f"Means and differences over {len(comparison.common)} common chains; the bootstrap draws {drawn}s."]
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
