"""Figures of the data and of the work: the lengths of the chains, and what the stages cost."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from proteinmtp.report.figures.data import FigureData
from proteinmtp.report.figures.drawing import INK, Panel, ReportFigure, rows_height, whole_axis
from proteinmtp.report.figures.wording import memory_text, memory_unit, shortened, time_text, time_unit
from proteinmtp.tables.benchmarks import CostRow
from proteinmtp.tables.split import SUBSETS

BAR = "#4C7EA8"
WIDTHS = (5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)
"""Of the bars of a histogram of lengths, residues; the least is taken that gives few enough bars."""
MOST_BARS = 24
ROOM = 1.4
"""Length of the axis over that of the longest bar, for the number at its end."""


def lengths(data: FigureData) -> ReportFigure | None:
    """Return histograms of the lengths of chains, a panel a subset."""
    of_subset = {subset: [row.length for row in data.chains if row.is_in(subset)] for subset in SUBSETS}
    every = [length for subset in of_subset.values() for length in subset]
    if not every:
        return None
    span = max(every) - min(every)
    width = next((width for width in WIDTHS if span / width <= MOST_BARS), WIDTHS[-1])
    edges = np.arange(min(every) // width, max(every) // width + 2) * width
    words = {
        subset: f"{len(values):,} {subset} chains of {min(values):,} to {max(values):,} residues,"
        f" median {np.median(values):,.0f}"
        for subset, values in of_subset.items()
        if values
    }
    return ReportFigure(
        name="lengths",
        title="Lengths of the chains",
        caption=f"Chains in bins of {width} residues. The panels have the same horizontal axis; each has a vertical"
        " axis of its own.",
        alternative="; ".join(words.values()) + ".",
        panels=[
            Panel(name=subset, title=f"{subset} chains by length", draw=partial(_histogram, values, edges, subset))
            for subset, values in of_subset.items()
            if values
        ],
        legend=[],
    )


def costs(data: FigureData) -> ReportFigure | None:
    """Return wall time and peak memory of the stages as bars."""
    if not data.costs:
        return None
    height = rows_height(len(data.costs))
    seconds = [row.seconds for row in data.costs]
    memory = [row.max_rss_mb for row in data.costs]
    panels = [
        Panel(
            name="time",
            title="wall time",
            height=height,
            draw=partial(_bars, data.costs, seconds, [time_text(row.seconds) for row in data.costs],
                         time_unit(max(seconds)), "wall time"),
        )
    ]  # fmt: skip
    if any(memory):
        panels.append(
            Panel(
                name="memory",
                title="peak memory",
                height=height,
                draw=partial(_bars, data.costs, memory, [memory_text(value) for value in memory],
                             memory_unit(max(value or 0 for value in memory)), "peak memory of a job"),
            )
        )  # fmt: skip
    longest = max(data.costs, key=lambda row: row.seconds)
    most = max(data.costs, key=lambda row: row.max_rss_mb or 0)
    return ReportFigure(
        name="costs",
        title="Time and memory of the stages",
        caption="Wall time is the sum over the jobs of a stage, whose number stands behind its name; jobs that ran at"
        " the same time count each. Memory is the resident memory of the job that took most. Both as Snakemake"
        " measured them.",
        alternative=f"{time_text(sum(seconds))} in all jobs; longest {longest.stage} with {time_text(longest.seconds)}"
        + (f"; most memory {most.stage} with {memory_text(most.max_rss_mb)}." if most.max_rss_mb else "."),
        panels=panels,
        legend=[],
    )


def _histogram(values: Sequence[int], edges: np.ndarray, subset: str, axes: Axes) -> None:
    axes.hist(values, bins=edges.tolist(), color=BAR, rwidth=0.92)
    axes.set(xlim=(edges[0], edges[-1]), xlabel="length, residues", ylabel=f"{subset} chains")
    axes.grid(visible=False, axis="x")
    whole_axis(axes.xaxis)
    whole_axis(axes.yaxis)


def _bars(
    costs: Sequence[CostRow],
    values: Sequence[float | None],
    texts: Sequence[str],
    unit: tuple[float, str],
    title: str,
    axes: Axes,
) -> None:
    size, name = unit
    shown = [(value or 0) / size for value in values]
    axes.barh(range(len(costs)), shown, color=BAR, height=0.66)
    for at, (value, text) in enumerate(zip(shown, texts, strict=True)):
        axes.annotate(text, (value, at), (4, 0), textcoords="offset points", va="center_baseline", color=INK)
    axes.set_yticks(range(len(costs)), [f"{shortened(row.stage)}{_jobs(row)}" for row in costs])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set(xlim=(0, ROOM * (max(shown) or 1)), ylim=(len(costs) - 0.4, -0.6), xlabel=f"{title}, {name}")


def _jobs(row: CostRow) -> str:
    return f" ×{row.jobs}" if row.jobs > 1 else ""
