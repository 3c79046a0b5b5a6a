"""The list of the report's figures. Every figure is drawn from tables; nothing is computed anew."""

from proteinmtp.report.figures import bins, chains, stages, training
from proteinmtp.report.figures.data import FigureData
from proteinmtp.report.figures.drawing import ReportFigure

FIGURES = (
    chains.distributions,
    chains.length,
    bins.bins,
    bins.separation,
    bins.calibration,
    training.curves,
    training.pretraining,
    stages.lengths,
    stages.costs,
)


def figures(data: FigureData) -> list[ReportFigure]:
    """Return the figures of which there is something to draw."""
    return [figure for draw in FIGURES if (figure := draw(data)) is not None]
