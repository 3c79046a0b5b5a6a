"""A picture of a folded sequence: its distances, and how far they can be trusted along it."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from proteinmtp.base.files import atomic
from proteinmtp.folding.model import Folded
from proteinmtp.geometry.constants import CONTACT

LONGEST_TITLE = 60
"""Letters of a name that are shown."""
BLUE, GREY = "#0072B2", "#9aa0a8"


def write_plot(path: Path, folded: Folded) -> None:
    """Write the map of distances, with the likely contacts above the diagonal, and the confidence below it, as PNG."""
    figure = Figure(figsize=(6.0, 6.6 if folded.confidence is not None else 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    if folded.confidence is None:
        above = figure.subplots()
    else:
        above, below = figure.subplots(2, 1, height_ratios=(5, 1), sharex=True)
        _draw_confidence(below, folded.confidence)
    _draw_map(figure, above, folded)
    above.set_title(_title(folded.name), parse_math=False, fontsize=11)
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _draw_map(figure: Figure, axes: Axes, folded: Folded) -> None:
    length = len(folded.sequence)
    image = axes.imshow(
        folded.distances, cmap="viridis_r", vmin=0, extent=(0.5, length + 0.5, length + 0.5, 0.5), aspect="auto"
    )
    figure.colorbar(image, ax=axes, label="predicted Cα distance, Å")
    axes.set_ylabel("residue")
    if folded.confidence is None:
        axes.set_xlabel("residue")
    if folded.contacts is not None:
        row, column = np.nonzero(np.triu(folded.contacts > 1 / 2, 3))
        size = max(200 / length, 0.5)
        axes.scatter(column + 1, row + 1, s=size, c="#D55E00", linewidths=0, label=f"contact (< {CONTACT:g} Å) likely")
        if len(row):
            axes.legend(loc="upper right", fontsize=8, markerscale=2, framealpha=0.9)


def _draw_confidence(axes: Axes, confidence: np.ndarray) -> None:
    axes.axhline(50, color=GREY, linewidth=0.8)
    axes.plot(np.arange(1, len(confidence) + 1), confidence, color=BLUE, linewidth=1.2)
    axes.set_ylim(0, 100)
    axes.set_xlabel("residue")
    axes.set_ylabel("confidence")


def _title(name: str) -> str:
    """Return a name in signs that every font has."""
    shown = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= LONGEST_TITLE else f"{shown[: LONGEST_TITLE - 1]}..."
