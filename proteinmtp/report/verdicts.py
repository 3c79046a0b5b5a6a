"""The runs and what became of their hypotheses, as a Markdown table."""

from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.tables.report_summary import ExperimentSummary, ReportSummary, ScoreDifference, ScoreSummary

HEADER = ("run", "question", "Cα-lDDT (95 %)", "TM-score", "expected", "difference (95 %)", "verdict")
TITLES = {metric.name: metric.title.removesuffix(", Å") for metric in METRICS_SHOWN}


def markdown(summary: ReportSummary) -> str:
    """Return the table: the runs that ask something in the order of the config, then the others by name."""
    asked = {item.run: item for item in summary.experiments}
    runs = [*asked, *(run for run in summary.runs if run not in asked)]
    lines = [HEADER, ("---",) * len(HEADER), *(_cells(run, summary, asked.get(run)) for run in runs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(run: str, summary: ReportSummary, experiment: ExperimentSummary | None) -> tuple[str, ...]:
    scores = summary.runs[run]
    question = "" if experiment is None else _one_line(experiment.question)
    shown = (run, question, _interval(scores["lddt"]), _number(scores["tm_score"].mean))
    if experiment is None or experiment.difference is None or experiment.metric is None:
        return (*shown, "", "", "")
    expected = f"{experiment.expects} than {experiment.against} in {TITLES[experiment.metric]}"
    return (*shown, expected, _interval(experiment.difference, "+"), experiment.verdict or "")


def _interval(value: ScoreSummary | ScoreDifference, sign: str = "") -> str:
    return f"{_number(value.mean, sign)} ({_number(value.low, sign)} to {_number(value.high, sign)})"


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.3f}"


def _one_line(text: str) -> str:
    """Return a sentence as a cell: one line, and no bar that would end it."""
    return " ".join(text.split()).replace("|", "\\|")
