"""The summary of a report, `summary.json`: means, differences, confidence, and what became of the hypotheses."""

from pydantic import Field

from proteinmtp.tables.record import Record


class ScoreSummary(Record):
    """One metric over chains: mean, median, the 95 % interval of the mean; null where there is none.

    Attributes:
        spread: standard deviation between the means of several seeds.
    """

    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    n: int
    spread: float | None
    seeds: int


class ScoreDifference(Record):
    """A paired difference: its mean, the 95 % interval, the share of chains won, and what follows from the interval.

    Attributes:
        detectable: the least difference that would be told apart from none in four of five repetitions.
    """

    mean: float | None
    low: float | None
    high: float | None
    won: float | None
    n: int
    verdict: str | None
    detectable: float | None


class ConfidenceBin(Record):
    """The residues with a confidence from `low` up to `high`: mean confidence, and the lDDT that they have, 0..100."""

    low: float
    high: float
    predicted: float | None
    observed: float | None
    n: int


class ConfidenceTrust(Record):
    """How far confidence can be trusted; see `proteinmtp.scoring.confidence`."""

    chains_correlation: float | None
    residues_correlation: float | None
    error: float
    bias: float
    bins: list[ConfidenceBin]
    chains: int
    residues: int


class ExperimentSummary(Record):
    """A run's question, and its hypothesis with the verdict; what needs a hypothesis is null without one."""

    run: str
    question: str
    hypothesis: str
    against: str | None
    expects: str
    metric: str | None
    ours: ScoreSummary | None
    theirs: ScoreSummary | None
    difference: ScoreDifference | None
    verdict: str | None


class ReportSummary(Record):
    """All numbers of a report.

    Attributes:
        runs: by run and metric.
        differences: by run, by the run that it is set beside, by metric.
        lengths: by metric, run and bin of length.
        confidence: by run and by the lDDT that confidence is held against.
        experiments: in the order of the config.
        subset: of the split, whose chains were scored.
        models: by run, a hash of the files of the model that was scored.
    """

    runs: dict[str, dict[str, ScoreSummary]]
    differences: dict[str, dict[str, dict[str, ScoreDifference]]]
    lengths: dict[str, dict[str, dict[str, ScoreSummary]]]
    confidence: dict[str, dict[str, ConfidenceTrust]]
    experiments: list[ExperimentSummary]
    subset: str = ""
    models: dict[str, str] = Field(default_factory=dict)
