"""Figures of means in bins: of length, of distances near and far, and of confidence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.geometry.pair_scores import DISTANCES, SEPARATIONS
from proteinmtp.report.figures.data import Confidence, FigureData, Interval, scored
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
)
from proteinmtp.report.figures.wording import listed
from proteinmtp.report.standing import HEADLINES
from proteinmtp.scoring.confidence import AGAINST, POINTS
from proteinmtp.scoring.statistics import LENGTH_BINS
from proteinmtp.tables.metrics import MetricsRow

ERROR, SCORE = (next(metric for metric in METRICS_SHOWN if metric.name == name) for name in ("mae", "tm_score"))
"""Of which the text alternatives speak."""


def bins(data: FigureData) -> ReportFigure | None:
    """Return the mean of each headline metric in bins of length with its interval."""
    known = {
        metric: {run: of_bin for run in data.runs if (of_bin := data.lengths.get(metric.name, {}).get(run))}
        for metric in HEADLINES
    }
    every = [of_bin for of_runs in known.values() for of_bin in of_runs.values()]
    used = [name for name, _ in LENGTH_BINS if any(name in of_bin and of_bin[name].n for of_bin in every)]
    if not used:
        return None
    style = styles(data.runs)
    shown = [run for run in data.runs if any(run in of_runs for of_runs in known.values())]
    return ReportFigure(
        name="bins",
        title="Scores in bins of length",
        caption="Mean over the chains of a bin; bars are the 95 % bootstrap interval of the mean, where a bin has"
        " enough chains for one. Within a bin the predictors stand beside each other. Cα-lDDT and TM-score have the"
        " same axis from 0 to 1; the distance error has a logarithmic axis of its own.",
        alternative=" ".join(
            f"Mean {SCORE.title}, {name} residues:"
            f" {listed({run: of_bin[name].mean for run, of_bin in known[SCORE].items() if name in of_bin}, SCORE)}"
            for name in used
        ),
        panels=[
            Panel(name=metric.name, title=f"mean {metric.title}", draw=partial(_in_bins, metric, of_runs, style, used))
            for metric, of_runs in known.items()
        ],
        legend=legend({run: replace(style[run], dash="") for run in shown}),
    )


def separation(data: FigureData) -> ReportFigure | None:
    """Return the distance error by sequence separation and by true distance."""
    of_runs = scored(data)
    near = {run: _profile(rows, "mae_by_separation") for run, rows in of_runs.items()}
    apart = {run: _profile(rows, "mae_by_distance") for run, rows in of_runs.items()}
    every = [value for values in (*near.values(), *apart.values()) for value in values[np.isfinite(values)]]
    if not every:
        return None
    style = styles(data.runs)
    shown = (
        ("separation", near, "|i-j|, residues", _labels(SEPARATIONS, last_inside=1)),
        ("distance", apart, "distance in the experiment, Å", _labels(DISTANCES, last_inside=0)),
    )
    farthest = {
        run: float(values[np.isfinite(values)][-1]) for run, values in near.items() if np.isfinite(values).any()
    }
    return ReportFigure(
        name="separation",
        title="Distance error near and far",
        caption="Mean over chains of the mean absolute error of a chain's pairs in a bin; there are no bars. A bin of"
        " distances holds its first number and not its last. Both panels have the same logarithmic axis.",
        alternative=f"Distance error, Å, at the greatest |i-j| that occurs: {listed(farthest, ERROR)}",
        panels=[
            Panel(
                name=name,
                title=f"distance error, Å, by {title}",
                draw=partial(_profiles, means, style, labels, title, every),
            )
            for name, means, title, labels in shown
        ],
        legend=legend({run: style[run] for run in of_runs}),
    )


def calibration(data: FigureData) -> ReportFigure | None:
    """Return the observed lDDT against the predicted confidence, in bins."""
    of_runs = {
        against: {run: data.trusted[run][against] for run in data.runs if against in data.trusted.get(run, {})}
        for against in AGAINST
    }
    judged = [run for run in data.runs if any(run in of_run for of_run in of_runs.values())]
    if not judged:
        return None
    style = styles(data.runs)
    return ReportFigure(
        name="calibration",
        title="Confidence and what was observed",
        caption="Mean lDDT of the residues whose predicted confidence is in one of ten bins, against their mean"
        " confidence; on the dotted line confidence is right. The panels have the same axes.",
        alternative=" ".join(
            f"Mean absolute difference of confidence and lDDT of the {AGAINST[against]}, of 100:"
            f" {listed({run: trust.error for run, trust in of_run.items()}, ERROR)}"
            for against, of_run in of_runs.items()
        ),
        panels=[
            Panel(
                name=against,
                title=f"lDDT of the {AGAINST[against]} by confidence",
                draw=partial(_calibrated, of_run, style, AGAINST[against]),
            )
            for against, of_run in of_runs.items()
            if of_run
        ],
        legend=[
            *legend({run: style[run] for run in judged}),
            LegendEntry(label="as predicted", colour=SOFT, marker="", dash="dotted"),
        ],
    )


def _in_bins(
    metric: Metric,
    of_runs: Mapping[str, Mapping[str, Interval]],
    style: Mapping[str, Style],
    used: Sequence[str],
    axes: Axes,
) -> None:
    every: list[float] = []
    for at, (run, of_bin) in enumerate(of_runs.items()):
        aside = 0.7 * ((at + 0.5) / len(of_runs) - 0.5)
        known = [(place + aside, of_bin[name]) for place, name in enumerate(used) if name in of_bin and of_bin[name].n]
        means = np.array([item.mean for _, item in known], dtype=float)
        low, high = (np.array([getattr(item, end) for _, item in known], dtype=float) for end in ("low", "high"))
        bars = np.maximum(np.nan_to_num([means - low, high - means]), 0)  # rounding may leave them a bit below
        axes.errorbar(
            [place for place, _ in known], means, yerr=bars, linestyle="none",
            ecolor=style[run].colour, elinewidth=1.3, markersize=5, **style[run].points,
        )  # fmt: skip
        every += [value for values in (means, low, high) for value in values[np.isfinite(values)]]
    axes.set_xticks(range(len(used)), used, fontsize=9)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    for border in range(1, len(used)):
        axes.axvline(border - 0.5, color=SOFT, linewidth=0.5)
    axes.set(xlim=(-0.5, len(used) - 0.5), xlabel="chain length, residues", ylabel=f"mean {metric.title}")
    if metric.lower_is_better:
        log_axis(axes, "y", every)
    else:
        axes.set_ylim(-0.02, 1.02)


def _profiles(
    means: Mapping[str, np.ndarray],
    style: Mapping[str, Style],
    labels: Sequence[str],
    title: str,
    every: Sequence[float],
    axes: Axes,
) -> None:
    for run, values in means.items():
        axes.plot(values, linewidth=1.4, markersize=5, **style[run].line, **style[run].points)
    axes.set_xticks(range(len(labels)), labels, fontsize=9)
    axes.set(xlim=(-0.3, len(labels) - 0.7), xlabel=title, ylabel="distance error, Å")
    log_axis(axes, "y", every)


def _calibrated(of_run: Mapping[str, Confidence], style: Mapping[str, Style], what: str, axes: Axes) -> None:
    axes.plot([0, POINTS], [0, POINTS], color=SOFT, linestyle=DASHES["dotted"], linewidth=1.2)
    for run, trust in of_run.items():
        known = np.array([(item.predicted, item.observed) for item in trust.bins if item.n], dtype=float)
        axes.plot(known[:, 0], known[:, 1], linewidth=1.4, markersize=5, **style[run].line, **style[run].points)
    limits = (-0.02 * POINTS, 1.02 * POINTS)
    axes.set(xlim=limits, ylim=limits, xlabel="predicted confidence, 0–100", ylabel=f"lDDT × 100, {what}")


def _profile(rows: Sequence[MetricsRow], name: str) -> np.ndarray:
    """Return the mean over chains of each bin of a profile, NaN where no chain has any; empty without chains."""
    values = np.array([profile for row in rows if (profile := row.profiles.get(name)) is not None], dtype=float)
    known = np.isfinite(values)
    count = known.sum(0)
    means: np.ndarray = np.where(known, values, 0).sum(0) / np.where(count, count, np.nan)
    return np.atleast_1d(means)


def _labels(begins: Sequence[int], *, last_inside: int) -> list[str]:
    """Return labels of bins; `last_inside`: how much less than the beginning of the next the last number is."""
    return [f"{low}–{high - last_inside}" for low, high in pairwise(begins)] + [f"≥{begins[-1]}"]
