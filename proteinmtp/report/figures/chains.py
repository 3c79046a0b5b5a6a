"""Figures in which a point is a chain: how scores are distributed, and how they go with length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.patches import Rectangle
from scipy.stats import spearmanr

from proteinmtp.base.metrics import Metric
from proteinmtp.report.figures.data import FigureData, scored
from proteinmtp.report.figures.drawing import (
    INK,
    ChainPoints,
    Panel,
    ReportFigure,
    Style,
    legend,
    log_axis,
    rows_height,
    styles,
    whole_axis,
)
from proteinmtp.report.figures.wording import listed, shortened
from proteinmtp.report.standing import HEADLINES

MOST_POINTS = 3000
"""Points of a panel that are elements of the page; more are one picture, which is smaller."""
FEWEST = 5
"""Chains of which quartiles say more than the points themselves."""
BOX = 0.62
"""Height of a box, of the distance between two."""
EVENLY = (5**0.5 - 1) / 2
"""Multiples of the golden ratio, less their whole parts, fill the width of a row evenly."""


@dataclass(frozen=True)
class ChainScore:
    """One metric of one chain, of so many residues."""

    chain: str
    length: int
    value: float


OfRuns = Mapping[str, Sequence[ChainScore]]


def distributions(data: FigureData) -> ReportFigure | None:
    """Return the distribution of each headline metric over chains, a box a run."""
    scores = {metric: _scores(data, metric) for metric in HEADLINES}
    runs = max(map(len, scores.values()))
    if not runs:
        return None
    style = styles(data.runs)
    return ReportFigure(
        name="distributions",
        title="Scores of the chains",
        caption=f"A point is a chain. Of {FEWEST} chains and more there is a box from the lower to the upper quartile,"
        " with the median as a line; whiskers reach to the last chain within 1.5 times that range. Cα-lDDT and TM-score"
        " have the same axis from 0 to 1; the distance error has a logarithmic axis of its own." + _as_picture(scores),
        alternative=" ".join(
            f"Median {metric.title}: {listed({run: _median(chains) for run, chains in of_runs.items()}, metric)}"
            for metric, of_runs in scores.items()
        ),
        panels=[
            Panel(
                name=metric.name,
                title=metric.title,
                draw=partial(_boxes, metric, of_runs, style),
                height=rows_height(runs),
                points=_points(f"distributions-{metric.name}", of_runs),
            )
            for metric, of_runs in scores.items()
            if of_runs
        ],
        legend=[],
    )


def length(data: FigureData) -> ReportFigure | None:
    """Return the scores of traces against chain length."""
    scores = {metric: _scores(data, metric) for metric in HEADLINES if not metric.lower_is_better}
    every = [chain.length for of_runs in scores.values() for chains in of_runs.values() for chain in chains]
    if not every:
        return None
    style = styles(data.runs)
    shown = [run for run in data.runs if any(run in of_runs for of_runs in scores.values())]
    return ReportFigure(
        name="length",
        title="Scores against chain length",
        caption=f"A point is a chain. Both panels have the same axes.{_as_picture(scores)}",
        alternative=f"Chains of {min(every):,} to {max(every):,} residues. "
        + " ".join(
            f"Rank correlation of {metric.title} with length:"
            f" {listed({run: _rank_correlation(chains) for run, chains in of_runs.items()}, metric)}"
            for metric, of_runs in scores.items()
        ),
        panels=[
            Panel(
                name=metric.name,
                title=f"{metric.title} by length",
                draw=partial(_by_length, metric, of_runs, style, (min(every), max(every))),
                points=_points(f"length-{metric.name}", of_runs),
            )
            for metric, of_runs in scores.items()
            if of_runs
        ],
        legend=legend({run: replace(style[run], dash="") for run in shown}),
    )


def _scores(data: FigureData, metric: Metric) -> dict[str, list[ChainScore]]:
    """Return the finite scores of each run that has any."""
    of_runs = {}
    for run, rows in scored(data).items():
        values = [(row, row.scores.get(metric.name)) for row in rows]
        chains = [
            ChainScore(row.chain_id, row.length, value)
            for row, value in values
            if value is not None and np.isfinite(value)
        ]
        if chains:
            of_runs[run] = chains
    return of_runs


def _points(prefix: str, of_runs: OfRuns) -> dict[str, ChainPoints]:
    """Return the chains behind the points of each run by the id of their group; nothing if they are a picture."""
    if _is_picture(of_runs):
        return {}
    return {
        f"{prefix}-points-{at}": ChainPoints(run=run, chains=[chain.chain for chain in chains])
        for at, (run, chains) in enumerate(of_runs.items())
    }


def _is_picture(of_runs: OfRuns) -> bool:
    return sum(map(len, of_runs.values())) > MOST_POINTS


def _as_picture(scores: Mapping[Metric, OfRuns]) -> str:
    if not any(_is_picture(of_runs) for of_runs in scores.values()):
        return ""
    return " So many points are drawn as a picture and cannot be chosen."


def _boxes(metric: Metric, of_runs: OfRuns, style: Mapping[str, Style], axes: Axes) -> None:
    for at, (run, chains) in enumerate(of_runs.items()):
        values = [chain.value for chain in chains]
        rows = at + 0.9 * BOX * (np.arange(len(values)) * EVENLY % 1 - 0.5)
        axes.plot(
            values, rows, linestyle="none", markersize=3.4, alpha=0.45, zorder=2, rasterized=_is_picture(of_runs),
            gid=f"distributions-{metric.name}-points-{at}", **style[run].points,
        )  # fmt: skip
        if len(values) >= FEWEST:
            _box(values, at, axes)
    axes.set_yticks(range(len(of_runs)), [shortened(run) for run in of_runs])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set(ylim=(len(of_runs) - 0.45, -0.55), xlabel=metric.title)
    if metric.lower_is_better:
        log_axis(axes, "x", [chain.value for chains in of_runs.values() for chain in chains])
    else:
        axes.set_xlim(-0.02, 1.02)


def _box(values: Sequence[float], at: int, axes: Axes) -> None:
    """Draw a lying box; `Axes.boxplot` does so too, but sets up matplotlib's windows."""
    (box,) = boxplot_stats(values)
    low, high = at - BOX / 2, at + BOX / 2
    whiskers = [(box["whislo"], box["q1"]), (box["q3"], box["whishi"])]
    for ends in whiskers:
        axes.plot(ends, [at, at], color=INK, linewidth=1, zorder=3)
    axes.add_patch(
        Rectangle((box["q1"], low), box["q3"] - box["q1"], BOX, fill=False, edgecolor=INK, linewidth=1, zorder=3)
    )
    axes.plot([box["med"]] * 2, [low, high], color=INK, linewidth=2.2, solid_capstyle="butt", zorder=3)


def _by_length(
    metric: Metric, of_runs: OfRuns, style: Mapping[str, Style], lengths: tuple[int, int], axes: Axes
) -> None:
    picture = _is_picture(of_runs)
    look: dict[str, Any] = {"markersize": 2.2, "alpha": 0.35} if picture else {"markersize": 4.5, "alpha": 0.6}
    for at, (run, chains) in enumerate(of_runs.items()):
        axes.plot(
            [chain.length for chain in chains], [chain.value for chain in chains], linestyle="none", rasterized=picture,
            gid=f"length-{metric.name}-points-{at}", **look, **style[run].points,
        )  # fmt: skip
    room = max(2.0, 0.03 * (lengths[1] - lengths[0]))
    axes.set(xlim=(lengths[0] - room, lengths[1] + room), ylim=(-0.02, 1.02))
    axes.set(xlabel="chain length, residues", ylabel=metric.title)
    whole_axis(axes.xaxis)


def _median(chains: Sequence[ChainScore]) -> float:
    return float(np.median([chain.value for chain in chains]))


def _rank_correlation(chains: Sequence[ChainScore]) -> float | None:
    """Return Spearman's correlation; None where one side is all equal, or there are fewer than three chains."""
    lengths, values = [chain.length for chain in chains], [chain.value for chain in chains]
    if len(chains) < 3 or len({*lengths}) < 2 or len({*values}) < 2:
        return None
    return float(spearmanr(lengths, values).statistic)
