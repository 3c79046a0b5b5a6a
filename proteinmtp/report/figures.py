"""Figures of the report, as plotly objects. Every figure is drawn from tables; nothing is computed anew."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from plotly.colors import get_colorscale as plotly_scale
from plotly.subplots import make_subplots

from proteinmtp.base.metrics import Metric
from proteinmtp.config import NULL_PREFIX, run_of
from proteinmtp.geometry.pair_scores import DISTANCES, SEPARATIONS
from proteinmtp.report.standing import Lengths, Trusted
from proteinmtp.scoring.confidence import POINTS
from proteinmtp.scoring.statistics import LENGTH_BINS
from proteinmtp.tables.examples import ExampleRow
from proteinmtp.tables.history import HistoryRow
from proteinmtp.tables.metrics import MetricsRow
from proteinmtp.tables.triangle import unpack

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#F0E442")
"""Okabe & Ito's colours, which people with colour blindness can tell apart."""

NULL_COLOURS = ("#5b6270", "#8a8f98", "#b9bec6")
NATIVE_COLOUR = "#9aa0a8"
UNOBSERVED = "#ececef"
FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#1f2430"}


def colours(runs: Sequence[str]) -> dict[str, str]:
    """Return a colour for each run; nulls are grey."""
    nulls = [run for run in runs if run.startswith(NULL_PREFIX)]
    real = [run for run in runs if run not in nulls]
    return {run: PALETTE[at % len(PALETTE)] for at, run in enumerate(real)} | {
        run: NULL_COLOURS[at % len(NULL_COLOURS)] for at, run in enumerate(nulls)
    }


def training_curves(history: Sequence[HistoryRow], colour: Mapping[str, str]) -> go.Figure:
    """Return losses and validation distance error over steps, one colour a run, a line for each of its seeds."""
    figure = make_subplots(
        1, 2, subplot_titles=("loss (each run in its own units)", "distance error on validation chains, Å")
    )
    for training in dict.fromkeys(row.run for row in history):
        run, rows = run_of(training), [row for row in history if row.run == training]
        steps = [row.step for row in rows]
        for losses, dash, label in (
            ([row.train_loss for row in rows], "dot", "training"),
            ([row.val_loss for row in rows], "solid", "validation"),
        ):
            figure.add_scatter(
                x=steps, y=losses, name=f"{run}, {label}", legendgroup=run, showlegend=training == run,
                line={"color": colour[run], "dash": dash}, mode="lines+markers", marker={"size": 4}, row=1, col=1,
            )  # fmt: skip
        figure.add_scatter(
            x=steps, y=[row.val_mae for row in rows], name=run, legendgroup=run, showlegend=False,
            line={"color": colour[run]}, mode="lines+markers", marker={"size": 4}, row=1, col=2,
        )  # fmt: skip
    figure.update_yaxes(type="log", row=1, col=1)
    figure.update_yaxes(rangemode="tozero", row=1, col=2)
    figure.update_xaxes(title_text="step")
    return _styled(figure, 360)


def score_distributions(metrics: Sequence[MetricsRow], shown: Sequence[Metric], colour: Mapping[str, str]) -> go.Figure:
    """Return box plots of the metrics, one box a run, one point a chain; errors on a logarithmic axis."""
    figure = make_subplots(1, len(shown), subplot_titles=[metric.title for metric in shown])
    for column, metric in enumerate(shown, start=1):
        for run in dict.fromkeys(row.run for row in metrics):
            rows = [row for row in metrics if row.run == run]
            figure.add_box(
                y=[row.scores[metric.name] for row in rows], name=run, text=[row.chain_id for row in rows],
                boxpoints="all", jitter=0.4, pointpos=0, marker={"color": colour[run], "size": 3, "opacity": 0.5},
                line={"width": 1.2}, fillcolor="rgba(0,0,0,0)", showlegend=False, row=1, col=column,
            )  # fmt: skip
        _scale(figure, metric, column)
    return _styled(figure, 380)


def score_by_length(metrics: Sequence[MetricsRow], colour: Mapping[str, str]) -> go.Figure:
    """Return TM-score against chain length, one point a chain."""
    figure = go.Figure()
    for run in dict.fromkeys(row.run for row in metrics):
        rows = [row for row in metrics if row.run == run]
        figure.add_scatter(
            x=[row.length for row in rows], y=[row.scores["tm_score"] for row in rows], mode="markers", name=run,
            text=[row.chain_id for row in rows], marker={"color": colour[run], "size": 5, "opacity": 0.6},
        )  # fmt: skip
    figure.update_xaxes(title_text="residues")
    figure.update_yaxes(title_text="TM-score", range=[0, 1])
    return _styled(figure, 340)


def score_in_bins(by_length: Lengths, shown: Sequence[Metric], colour: Mapping[str, str]) -> go.Figure:
    """Return the mean of each metric in each bin of length with its interval, one line a run; errors on a log axis."""
    figure = make_subplots(1, len(shown), subplot_titles=[metric.title for metric in shown])
    for column, metric in enumerate(shown, start=1):
        for run, of_bin in by_length[metric.name].items():
            known = [(name, item) for name, item in of_bin.items() if item.n]
            mean = np.array([item.mean for _, item in known], dtype=float)
            # None, where there is no interval, becomes NaN, and no bar is drawn.
            low, high = (np.array([getattr(item, end) for _, item in known], dtype=float) for end in ("low", "high"))
            figure.add_scatter(
                x=[name for name, _ in known], y=mean, name=run, legendgroup=run,
                showlegend=column == 1, mode="lines+markers", line={"color": colour[run], "width": 1.5},
                text=[f"{item.n} chains" for _, item in known],
                error_y={"symmetric": False, "array": high - mean, "arrayminus": mean - low, "thickness": 1},
                row=1, col=column,
            )  # fmt: skip
        _scale(figure, metric, column)
    figure.update_xaxes(title_text="residues", categoryorder="array", categoryarray=[name for name, _ in LENGTH_BINS])
    return _styled(figure, 340)


def errors_in_bins(metrics: Sequence[MetricsRow], colour: Mapping[str, str]) -> go.Figure:
    """Return the distance error, averaged over chains, by sequence separation and by true distance."""
    shown = (
        ("mae_by_separation", "|i-j|", SEPARATIONS),
        ("mae_by_distance", "distance in the experiment, Å", DISTANCES),
    )
    figure = make_subplots(1, len(shown), subplot_titles=[f"distance error, Å, by {title}" for _, title, _ in shown])
    for column, (name, title, begins) in enumerate(shown, start=1):
        labels = [f"{low:g}–{high:g}" for low, high in pairwise(begins)] + [f"{begins[-1]:g} on"]
        for run in dict.fromkeys(row.run for row in metrics):
            values = np.array([row.profiles[name] for row in metrics if row.run == run], dtype=float)
            known = np.isfinite(values)
            count = known.sum(0)
            mean = np.where(known, values, 0).sum(0) / np.where(count, count, np.nan)
            figure.add_scatter(
                x=labels, y=mean, name=run, legendgroup=run, showlegend=column == 1, mode="lines+markers",
                line={"color": colour[run], "width": 1.5}, text=[f"{number} chains" for number in count],
                row=1, col=column,
            )  # fmt: skip
        figure.update_xaxes(title_text=title, row=1, col=column)
        figure.update_yaxes(rangemode="tozero", row=1, col=column)
    return _styled(figure, 340)


def calibration(trusted: Trusted, colour: Mapping[str, str]) -> go.Figure:
    """Return the observed lDDT against the predicted confidence, in bins, one line a run."""
    figure = go.Figure()
    ends = [0, POINTS]
    figure.add_scatter(x=ends, y=ends, mode="lines", name="as predicted", line={"color": NATIVE_COLOUR, "dash": "dot"})
    for run, of_run in trusted.items():
        known = [item for item in of_run["lddt"].bins if item.n]
        figure.add_scatter(
            x=[item.predicted for item in known], y=[item.observed for item in known], name=run, mode="lines+markers",
            line={"color": colour[run], "width": 1.5}, text=[f"{item.n} residues" for item in known],
        )  # fmt: skip
    figure.update_xaxes(title_text="predicted confidence", range=ends)
    figure.update_yaxes(title_text="lDDT of the residues, × 100", range=ends)
    return _styled(figure, 340)


def distance_map(example: ExampleRow) -> go.Figure:
    """Return one map with the experiment below the diagonal and the prediction above it."""
    true, predicted = (unpack(packed, example.length) for packed in (example.true_triu, example.predicted_triu))
    both = np.where(np.tri(example.length, dtype=bool), true, predicted)
    # Whole angstroms as small integers keep the page small; one above the greatest stands for "not observed".
    rounded = np.clip(np.nan_to_num(both, nan=0).round(), 0, 254).astype(np.uint8)
    top = max(1, int(rounded.max()))
    shown = np.where(np.isfinite(both), rounded, top + 1).astype(np.uint8)
    border = (top + 0.5) / (top + 1)
    scale = [[at * border, colour] for at, colour in plotly_scale("viridis_r")]
    hover = "residues %{x} and %{y}<br>%{z} Å<extra></extra>"
    figure = go.Figure(
        go.Heatmap(
            z=shown, x0=1, y0=1, colorscale=[*scale, [border, UNOBSERVED], [1, UNOBSERVED]],
            zmin=0, zmax=top + 1, hovertemplate=hover,
            colorbar={"title": "Å", "thickness": 10},
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain")
    figure.update_xaxes(constrain="domain", title_text="below: experiment (grey: not observed), above: prediction")
    return _styled(figure, 340)


def trace(example: ExampleRow, colour: str) -> go.Figure:
    """Return the predicted C-alpha trace superposed on the experimental one, to be turned by hand."""
    residues = [f"{letter}{index}" for index, letter in enumerate(example.sequence, start=1)]
    figure = go.Figure()
    for name, coords, line in (
        ("experiment", example.native, {"color": NATIVE_COLOUR, "width": 7}),
        ("prediction", example.model, {"color": colour, "width": 5}),
    ):
        points = np.round(coords.astype(np.float64), 2)
        figure.add_scatter3d(
            x=points[:, 0], y=points[:, 1], z=points[:, 2], mode="lines", name=name, line=line,
            text=residues, hoverinfo="name+text",
        )  # fmt: skip
    hidden = {"visible": False}
    figure.update_scenes(xaxis=hidden, yaxis=hidden, zaxis=hidden, aspectmode="data")
    figure.update_layout(legend={"orientation": "h", "y": 0})
    return _styled(figure, 340)


def _scale(figure: go.Figure, metric: Metric, column: int) -> None:
    """Scores begin at zero. Errors differ by powers of ten, the helix null's most of all, so theirs is logarithmic."""
    scale = {"type": "log"} if metric.lower_is_better else {"rangemode": "tozero"}
    figure.update_yaxes(scale, row=1, col=column)


def _styled(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        autosize=True,
        height=height,
        font=FONT,
        margin={"l": 50, "r": 15, "t": 35, "b": 45},
        hovermode="closest",
    )
    figure.update_annotations(font_size=13)
    return figure
