"""What a figure of the report is: panels, a legend, words; and how runs look in all of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from proteinmtp.config import NULL_PREFIX

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#906CFC", "#845478", "#546C30", "#FC1854", "#9000FC")
"""Three of Okabe & Ito's colours, and five that go with them: each stands out from white and from the dark page by a
contrast of 3, which their light colours do not, and with colour blindness they are as far apart as all of theirs."""

GREYS = ("#6B707A", "#7F858F", "#90959E")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
NULL_MARKERS = ("+", "x", "1", "2", "3", "4")
DASHES: Mapping[str, Any] = {"solid": "-", "dashed": (0, (5, 2)), "dashdot": (0, (6, 2, 1, 2)), "dotted": (0, (1, 1.6))}
"""Lines by name, as matplotlib wants them: lengths of ink and gap in widths of the line."""

INK, SOFT, LINE = "#1f2430", "#5b6270", "#e3e6eb"
"""Of text, of axes and of grids; the page puts colours of its own in their place."""

WIDTH, HEIGHT = 4.2, 3.1
"""Of a panel, inches."""
ROW, FRAME, LEAST_ROWS = 0.24, 0.75, 4
"""Inches of a row, where a run or a stage has one each, and of the axis below; rows for which there is always room."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a run is drawn in every figure.

    Attributes:
        colour: #rrggbb.
        marker: as matplotlib calls it; "" for none.
        dash: one of `DASHES`; "" for no line.
    """

    colour: str
    marker: str
    dash: str

    @property
    def line(self) -> dict[str, Any]:
        """Arguments for a line without markers."""
        return {"color": self.colour, "linestyle": DASHES[self.dash]}

    @property
    def points(self) -> dict[str, Any]:
        """Arguments for markers."""
        edge = 1.2 if self.marker in NULL_MARKERS else 0
        return {"marker": self.marker, "markerfacecolor": self.colour, "markeredgecolor": self.colour,
                "markeredgewidth": edge}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LegendEntry(Style):
    """A line of a legend."""

    label: str


@dataclass(frozen=True, kw_only=True)
class ChainPoints:
    """The points of one run: chain ids in the order of the points."""

    run: str
    chains: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes.

    Attributes:
        name: unlike that of the other panels of the figure.
        title: short, with the unit.
        draw: draws everything on empty axes.
        height: inches.
        points: by the id of the group of its points in the SVG; empty where points do not stand for chains.
    """

    name: str
    title: str
    draw: Callable[[Axes], None]
    height: float = HEIGHT
    points: Mapping[str, ChainPoints] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReportFigure:
    """A figure of one or more panels.

    Attributes:
        name: anchor in the page and stem of files.
        title: for people.
        caption: what is drawn, what bars and bands are, and whether axes are shared.
        alternative: the numbers in a few sentences, for those who do not see the figure.
        panels: from left to right.
        legend: for all panels together.
    """

    name: str
    title: str
    caption: str
    alternative: str
    panels: Sequence[Panel]
    legend: Sequence[LegendEntry]


def styles(runs: Sequence[str]) -> dict[str, Style]:
    """Return a style for each run; nulls are grey. Beyond the palette a colour comes again with another marker."""
    nulls = [run for run in runs if run.startswith(NULL_PREFIX)]
    real = [run for run in runs if run not in nulls]
    dashes = list(DASHES)
    return {
        run: Style(
            colour=PALETTE[at % len(PALETTE)],
            marker=MARKERS[(at + at // len(PALETTE)) % len(MARKERS)],
            dash=dashes[at // len(PALETTE) % 3],
        )
        for at, run in enumerate(real)
    } | {
        run: Style(
            colour=GREYS[at % len(GREYS)], marker=NULL_MARKERS[at % len(NULL_MARKERS)], dash=dashes[3 - at // 3 % 3]
        )
        for at, run in enumerate(nulls)
    }


def rows_height(rows: int) -> float:
    """Return the height of a panel with so many rows, inches."""
    return FRAME + ROW * max(rows, LEAST_ROWS)


def legend(of_runs: Mapping[str, Style]) -> list[LegendEntry]:
    """Return a legend with a line for each run."""
    return [LegendEntry(label=run, **vars(style)) for run, style in of_runs.items()]


def log_axis(axes: Axes, which: Literal["x", "y"], values: Sequence[float]) -> None:
    """Make an axis logarithmic, from a little below the positive values to a little above them, with plain numbers."""
    low, high = (edge([value for value in values if value > 0], default=1.0) for edge in (min, max))
    room = max(1.25, 2 / math.sqrt(high / low))
    low, high = low / room, high * room
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(decades) > 4 else (1, 2, 5)
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator([step * 10.0**power for power in decades for step in steps]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def whole_axis(axis: Axis) -> None:
    """Put few, whole numbers on an axis, with commas between thousands."""
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
