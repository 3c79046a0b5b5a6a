"""What the figures of the report are drawn from. Nothing here draws, so a reader of results needs no matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from proteinmtp.tables.benchmarks import CostRow
from proteinmtp.tables.history import HistoryRow
from proteinmtp.tables.metrics import MetricsRow
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.split import SplitRow


class Format(StrEnum):
    """Files that a figure can be written as."""

    PDF = "pdf"
    SVG = "svg"
    PNG = "png"


class Interval(Protocol):
    """A mean of `n` chains with the bounds of its interval, None where there is none."""

    @property
    def mean(self) -> float | None: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102


class ConfidenceBin(Protocol):
    """Mean confidence of `n` residues and the lDDT that they have, 0..100; None without residues."""

    @property
    def predicted(self) -> float | None: ...  # noqa: D102
    @property
    def observed(self) -> float | None: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102


class Confidence(Protocol):
    """Confidence against one lDDT: the bins, and the mean absolute difference in points of a hundred."""

    @property
    def bins(self) -> Sequence[ConfidenceBin]: ...  # noqa: D102
    @property
    def error(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """One pretrained backbone.

    Attributes:
        label: of the backbone for people, such as the runs that use it.
        history: its losses, nats per residue.
        summary: perplexities at the end.
    """

    label: str
    history: Sequence[HistoryRow]
    summary: PretrainingSummary


@dataclass(frozen=True, kw_only=True)
class FigureData:
    """Everything that figures are drawn from.

    Attributes:
        runs: names of runs, comparators and nulls in the order in which they are shown; what belongs to none of them is
            not drawn.
        metrics: scores; of a run with several seeds the rows of the first are drawn.
        lengths: by metric, run and bin of length.
        trusted: by run and by the lDDT that confidence is compared with.
        history: of all trainings, those of further seeds too.
        pretraining: of the pretrained backbones.
        costs: time and memory of each stage, in the order in which they are shown.
        chains: of the split.
    """

    runs: Sequence[str]
    metrics: Sequence[MetricsRow]
    lengths: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    trusted: Mapping[str, Mapping[str, Confidence]]
    history: Sequence[HistoryRow]
    pretraining: Sequence[Pretraining]
    costs: Sequence[CostRow]
    chains: Sequence[SplitRow]


def scored(data: FigureData) -> dict[str, list[MetricsRow]]:
    """Return the rows of the chains with a trace that was scored, by run; runs without any are left out."""
    of_run: dict[str, list[MetricsRow]] = {run: [] for run in data.runs}
    for row in data.metrics:
        if row.run in of_run and row.scores["tm_score"] is not None:
            of_run[row.run].append(row)
    return {run: rows for run, rows in of_run.items() if rows}
