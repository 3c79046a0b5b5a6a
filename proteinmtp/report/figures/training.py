"""Figures of training: losses and errors over steps, and the perplexity of backbones that were pretrained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.config import run_of
from proteinmtp.report.figures.data import FigureData
from proteinmtp.report.figures.drawing import (
    DASHES,
    SOFT,
    LegendEntry,
    Panel,
    ReportFigure,
    Style,
    legend,
    log_axis,
    styles,
    whole_axis,
)
from proteinmtp.report.figures.wording import listed, shortened
from proteinmtp.tables.history import HistoryRow

ERROR = next(metric for metric in METRICS_SHOWN if metric.name == "mae")
HIGHEST_LOSS = 700.0
"""Nats, of which the exponential is still a number."""
WIDE = 10
"""Highest over lowest perplexity, from which on the axis is logarithmic."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One quantity over the steps of a run.

    Attributes:
        steps: at which a seed has a value.
        mean, low, high: over the seeds that have one.
        saved: where in `steps` the weights of the first seed are from; None where there is no value.
    """

    steps: Sequence[int]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    saved: int | None


Value = Callable[[HistoryRow], float | None]


def curves(data: FigureData) -> ReportFigure | None:
    """Return losses and validation distance error over steps."""
    histories: dict[str, dict[str, list[HistoryRow]]] = {}
    for row in data.history:
        if run_of(row.run) in data.runs:
            histories.setdefault(run_of(row.run), {}).setdefault(row.run, []).append(row)
    if not histories:
        return None
    style = styles(data.runs)
    trained = [run for run in data.runs if run in histories]
    quantities: tuple[tuple[str, str, Value], ...] = (
        ("train_loss", "training loss", lambda row: row.train_loss),
        ("val_loss", "validation loss", lambda row: row.val_loss),
        ("val_mae", "validation distance error, Å", lambda row: row.val_mae),
    )
    drawn = {name: {run: _curve(histories[run], value) for run in trained} for name, _, value in quantities}
    losses = _numbers([curve for name in ("train_loss", "val_loss") for curve in drawn[name].values()])
    errors = _numbers(drawn["val_mae"].values())
    kept = {run: curve.mean[curve.saved] for run, curve in drawn["val_mae"].items() if curve.saved is not None}
    seeds = max(len(of_run) for of_run in histories.values())
    return ReportFigure(
        name="curves",
        title="Training",
        caption="Losses and the distance error of the validation chains over optimiser steps. The marker is where the"
        " weights that were saved are from. "
        + (
            "Lines are the mean over a run's seeds, bands reach from the lowest to the highest seed. "
            if seeds > 1
            else ""
        )
        + "Each run's loss is in its own units. Both losses have the same axis; the error has its own.",
        alternative=f"Distance error of the validation chains, Å, where the weights are from: {listed(kept, ERROR)}",
        panels=[
            Panel(
                name=name,
                title=title,
                draw=partial(
                    _lines, drawn[name], style, title, errors if name == "val_mae" else losses, name != "val_mae"
                ),
            )
            for name, title, _ in quantities
            if _numbers(drawn[name].values())
        ],
        legend=legend({run: style[run] for run in trained}),
    )


def pretraining(data: FigureData) -> ReportFigure | None:
    """Return the perplexities of pretrained backbones over steps."""
    of_label = {item.label: item for item in data.pretraining if item.history}
    if not of_label:
        return None
    style = styles(list(of_label))
    quantities: tuple[tuple[str, str, Value], ...] = (
        ("training", "training perplexity", lambda row: _perplexity(row.train_loss)),
        ("validation", "validation perplexity", lambda row: _perplexity(row.val_loss)),
    )
    drawn = {
        name: {label: _curve({label: item.history}, value) for label, item in of_label.items()}
        for name, _, value in quantities
    }
    unigrams = sorted(
        {item.summary.unigram_perplexity for item in of_label.values() if item.summary.unigram_perplexity}
    )
    every = [*_numbers([curve for curves in drawn.values() for curve in curves.values()]), *unigrams]
    ends = [
        f"{shortened(label, 40)} {item.summary.perplexity:.1f} per residue"
        + (f", unigram {item.summary.unigram_perplexity:.1f}" if item.summary.unigram_perplexity else "")
        for label, item in of_label.items()
        if item.summary.perplexity is not None
    ]
    return ReportFigure(
        name="pretraining",
        title="Pretraining",
        caption="Perplexity per residue over optimiser steps. The marker is where the weights that were saved are"
        " from. The dotted line is the perplexity on the validation chains of how often each residue occurs (unigram)."
        " Both panels have the same vertical axis.",
        alternative=f"Perplexity on the validation chains: {'; '.join(ends) or 'not measured'}.",
        panels=[
            Panel(name=name, title=title, draw=partial(_perplexities, drawn[name], style, title, every, unigrams))
            for name, title, _ in quantities
            if _numbers(drawn[name].values())
        ],
        legend=[
            *legend(style),
            *([LegendEntry(label="unigram", colour=SOFT, marker="", dash="dotted")] if unigrams else []),
        ],
    )


def _curve(seeds: Mapping[str, Sequence[HistoryRow]], value: Value) -> Curve:
    at_step: dict[int, list[float]] = {}
    for rows in seeds.values():
        for row in rows:
            number = value(row)
            if number is not None and np.isfinite(number):
                at_step.setdefault(row.step, []).append(number)
    steps = sorted(at_step)
    of_saved = [row.step for row in next(iter(seeds.values())) if row.saved and row.step in at_step]
    saved = steps.index(of_saved[-1]) if of_saved else None
    mean, low, high = (np.array([of(at_step[step]) for step in steps]) for of in (np.mean, np.min, np.max))
    return Curve(steps=steps, mean=mean, low=low, high=high, saved=saved)


def _numbers(curves: Iterable[Curve]) -> list[float]:
    """Return the lowest and highest values of each step of all curves."""
    return [float(value) for curve in curves for values in (curve.low, curve.high) for value in values]


def _perplexity(loss: float | None) -> float | None:
    return None if loss is None else float(np.exp(min(loss, HIGHEST_LOSS)))


def _draw(curves: Mapping[str, Curve], style: Mapping[str, Style], axes: Axes) -> None:
    for run, curve in curves.items():
        if not curve.steps:
            continue
        of_run = style[run]
        if (curve.high > curve.low).any():
            axes.fill_between(curve.steps, curve.low, curve.high, color=of_run.colour, alpha=0.2, linewidth=0)
        axes.plot(curve.steps, curve.mean, linewidth=1.5, **of_run.line)
        if curve.saved is not None:
            place = slice(curve.saved, curve.saved + 1)
            axes.plot(curve.steps[place], curve.mean[place], linestyle="none", markersize=7, **of_run.points)
    axes.set_xlabel("optimiser steps")
    whole_axis(axes.xaxis)


def _lines(
    curves: Mapping[str, Curve], style: Mapping[str, Style], title: str, every: Sequence[float], loss: bool, axes: Axes
) -> None:
    """Draw losses on a logarithmic axis, or errors from zero, with the limits that `every` value asks for."""
    _draw(curves, style, axes)
    axes.set_ylabel(title)
    if loss and min(every) > 0:
        log_axis(axes, "y", every)
    else:
        axes.set_ylim(min(0, 1.06 * min(every)), 1.06 * max(every))


def _perplexities(
    curves: Mapping[str, Curve],
    style: Mapping[str, Style],
    title: str,
    every: Sequence[float],
    unigrams: Sequence[float],
    axes: Axes,
) -> None:
    _draw(curves, style, axes)
    for unigram in unigrams:
        axes.axhline(unigram, color=SOFT, linestyle=DASHES["dotted"], linewidth=1.2)
    axes.set_ylabel(f"{title}, per residue")
    if max(every) > WIDE * min(every):
        log_axis(axes, "y", every)
    else:
        room = 0.05 * (max(every) - min(every)) + 0.1
        axes.set_ylim(min(every) - room, max(every) + room)
