"""Figures as SVG for the page, and as files for papers.

Matplotlib's settings are global: two threads must not draw at the same time. Text is measured in DejaVu Sans, which
comes with matplotlib, so equal input gives equal bytes wherever it is drawn; the page shows it in the reader's font.
"""

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import RcKeyType

from proteinmtp.base.files import atomic
from proteinmtp.report.figures.data import Format
from proteinmtp.report.figures.drawing import INK, LINE, SOFT, WIDTH, LegendEntry, Panel, ReportFigure, Style
from proteinmtp.report.figures.svg import inline
from proteinmtp.report.figures.wording import shortened

VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"}
"""Variables of the page's style sheet that stand for the colours of text, axes and grids."""
ACROSS = 3
"""Panels beside each other in a file."""
DPI, PAGE_DPI = 300, 110
"""Of PNG files and of what is drawn as a picture in other files; of such pictures in the page, which is to be small."""
CHANGING = {
    Format.SVG: ("Date", "Creator"),
    Format.PDF: ("CreationDate", "Creator", "Producer"),
    Format.PNG: ("Software",),
}
"""What matplotlib writes into files of itself and of the day."""

SETTINGS: dict[RcKeyType, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-5, 7),
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "proteinmtp",
    "pdf.fonttype": 42,
}


def panel_svg(figure: ReportFigure, panel: Panel) -> str:
    """Return a panel as an `<svg>` element for the page; no other panel has its ids."""
    with _settings():
        drawn = Figure(figsize=(WIDTH, panel.height), layout="constrained")
        panel.draw(drawn.add_subplot())
        return inline(_saved(drawn, Format.SVG, PAGE_DPI), prefix=f"{figure.name}-{panel.name}", colours=VARIABLES)


def key_svg(style: Style, name: str) -> str:
    """Return line and marker of a style as a small `<svg>` element; no two in a page may have one name."""
    with _settings():
        drawn = Figure(figsize=(0.42, 0.16))
        axes = drawn.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        if style.dash:
            axes.plot([0.02, 0.98], [0.5, 0.5], linewidth=1.6, **style.line)
        if style.marker:
            axes.plot([0.5], [0.5], linestyle="none", markersize=6.5, **style.points)
        return inline(_saved(drawn, Format.SVG, PAGE_DPI), prefix=name, colours=VARIABLES)


def write_figure(figure: ReportFigure, folder: Path, suffix: Format) -> Path:
    """Write a figure for a paper: its panels beside each other, below them the legend.

    Parameters:
        figure: to write.
        folder: is made if it is not there.
        suffix: which kind of file.

    Returns:
        The file, `<name>.<suffix>`.
    """
    columns = min(ACROSS, len(figure.panels))
    rows = math.ceil(len(figure.panels) / columns)
    height = max(panel.height for panel in figure.panels)
    labels = [shortened(entry.label, 40) for entry in figure.legend]
    across = max(1, min(len(labels), int(WIDTH * columns * 72 / (45 + 6.5 * max(map(len, labels), default=1)))))
    lines = math.ceil(len(labels) / across)
    with _settings():
        drawn = Figure(figsize=(WIDTH * columns, height * rows + 0.22 * lines), layout="constrained")
        for at, panel in enumerate(figure.panels, start=1):
            panel.draw(drawn.add_subplot(rows, columns, at))
        if labels:
            keys = [_key(entry, label) for entry, label in zip(figure.legend, labels, strict=True)]
            drawn.legend(handles=keys, loc="outside lower center", ncols=across, frameon=False, handlelength=2.6)
        drawn.set_facecolor("white")
        content = _saved(drawn, suffix, DPI)
    path = folder / f"{figure.name}.{suffix}"
    with atomic(path) as temporary:
        temporary.write_bytes(content)
    return path


def write_captions(figures: Sequence[ReportFigure], folder: Path) -> Path:
    """Write what stands below the figures in the page, and the numbers in words, as `captions.md`."""
    parts = [f"## {item.name}\n\n{item.title}. {item.caption}\n\n{item.alternative}\n" for item in figures]
    path = folder / "captions.md"
    with atomic(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")
    return path


def _key(entry: LegendEntry, label: str) -> Line2D:
    line = entry.line if entry.dash else {"linestyle": "none"}
    return Line2D([], [], label=label, linewidth=1.6, markersize=6, **line, **(entry.points if entry.marker else {}))


def _saved(drawn: Figure, suffix: Format, dpi: int) -> bytes:
    """Return a figure as a file, without what changes from day to day."""
    content = io.BytesIO()
    drawn.savefig(content, format=suffix, dpi=dpi, metadata=dict.fromkeys(CHANGING[suffix]))
    return content.getvalue()


@contextmanager
def _settings() -> Iterator[None]:
    with rc_context(), warnings.catch_warnings():
        rcdefaults()  # whatever the reader's own settings are
        rcParams.update(SETTINGS)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # in a name; the reader's font may have it
        yield
