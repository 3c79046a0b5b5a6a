"""What was asked and what was found, in sentences made from the numbers: the top of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.geometry.constants import SAME_FOLD
from proteinmtp.report.data import ReportData
from proteinmtp.report.experiments import Experiment
from proteinmtp.scoring.statistics import Difference, Summary

JUDGED = next(metric for metric in METRICS_SHOWN if metric.name == "lddt")
"""The metric by which the best run and the best null are chosen."""

STANDS = {"better than": "ahead of", "worse than": "behind", "as good as": "as good as", None: "not comparable with"}
"""How a run stands to another, by the verdict on their difference; what is not decided is "not told apart from"."""

KINDS = {
    "better than": "better", "worse than": "worse", "as good as": "equal",
    "supported": "better", "contradicted": "worse", "no difference": "equal",
}  # fmt: skip
"""How verdicts are shown, by colour and sign; others are open."""


SIGNS = {"better": "▲", "worse": "▼", "equal": "=", "open": "?"}
"""Beside the colour of a verdict on a run, by its kind."""
HYPOTHESIS_SIGNS = SIGNS | {"better": "✓", "worse": "✗"}
"""Beside that of a verdict on a hypothesis."""


@dataclass(frozen=True)
class Finding:
    """A question and what was found.

    Attributes:
        question: for people.
        verdict: in a few words.
        kind: of the verdict: better, worse, equal or open.
        answer: sentences with numbers.
        claim: what was expected beforehand; "" for nothing.
        run: whose chains with the right fold can be listed; "" for none.
        hypothesis: whether the verdict is on what was expected, not on a run.
    """

    question: str
    verdict: str
    kind: str
    answer: Sequence[str]
    claim: str = ""
    run: str = ""
    hypothesis: bool = False

    @property
    def sign(self) -> str:
        """What stands before the verdict, for eyes that do not see its colour."""
        return (HYPOTHESIS_SIGNS if self.hypothesis else SIGNS)[self.kind]


def findings(data: ReportData) -> list[Finding]:
    """Return what was found: how far the best run comes, then what became of each hypothesis."""
    return [*_overall(data), *map(_of_experiment, data.experiments)]


def kind(verdict: str | None) -> str:
    """Return how a verdict is shown: better, worse, equal or open."""
    return KINDS.get(verdict or "", "open")


def _overall(data: ReportData) -> list[Finding]:
    run = _best(data, [entry.name for entry in data.config.runs])
    if run is None:
        return []
    null = _best(data, data.beside[run])
    question = "How far does a language model get from sequence to structure?"
    scores = data.summaries[run]
    tm_scores = [
        row.scores["tm_score"] for row in data.metrics if row.run == run and row.scores["tm_score"] is not None
    ]
    seeds = " with its first seed" if scores["tm_score"].seeds > 1 else ""
    right = sum(score >= SAME_FOLD for score in tm_scores)
    answer = [
        f"Of the runs, {run} has the highest mean {JUDGED.title}: {_with_interval(scores[JUDGED.name], JUDGED)} over"
        f" {chains(scores[JUDGED.name].n)}, with a mean TM-score of {scores['tm_score'].mean:.3f}.",
        f"Of {chains(len(tm_scores))}{seeds}, {right} ({100 * right / len(tm_scores):.0f} %) have the right fold, a"
        f" TM-score of at least {SAME_FOLD}.",
    ]
    difference = data.differences.get(run, {}).get(null or "", {}).get(JUDGED.name)
    if null is None or difference is None or difference.mean is None:
        return [Finding(question, "no null beside it", "open", answer, run=run)]
    stands = STANDS.get(difference.verdict, "not told apart from")
    answer.append(
        f"Of the nulls that are decoded as it is, {null} is the best,"
        f" with {_with_interval(data.summaries[null][JUDGED.name], JUDGED)}: {sentence(run, null, JUDGED, difference)}"
    )
    return [Finding(question, f"{stands} the best null", kind(difference.verdict), answer, run=run)]


def _best(data: ReportData, names: Sequence[str]) -> str | None:
    means = {name: data.summaries[name][JUDGED.name].mean for name in names}
    known = {name: mean for name, mean in means.items() if mean is not None}
    return max(known, key=lambda name: known[name]) if known else None


def _of_experiment(item: Experiment) -> Finding:
    entry, result = item.entry, item.result
    if result is None:
        return Finding(entry.question, "no hypothesis", "open", ["Its scores are in the table."])
    claim = f"{entry.hypothesis} Expected: {entry.expects} than {entry.against}." if entry.hypothesis else ""
    answer = [
        sentence(entry.name, str(entry.against), result.metric, result.difference),
        "One seed." if entry.seeds == 1 else f"{entry.seeds} seeds.",
    ]
    relation = result.difference.verdict
    found = f": {entry.name} is {relation} {entry.against}" if relation else ""
    return Finding(
        entry.question or entry.hypothesis, f"{item.verdict}{found}", kind(item.verdict), answer, claim, hypothesis=True
    )


def sentence(run: str, other: str, metric: Metric, difference: Difference) -> str:
    """Return the difference of two runs in words, with interval, number of chains and share won."""
    if difference.mean is None or difference.low is None or difference.high is None:
        return f"{run} and {other} have too few chains in common to be compared in {metric.title}."
    digits = digits_of(metric)
    decided = difference.verdict in ("better than", "worse than")
    could = "" if decided else f" A difference of {difference.detectable:.{digits}f} could have been seen."
    return (
        f"{run} minus {other} in {metric.title}: {difference.mean:+.{digits}f}, 95 % interval"
        f" {difference.low:+.{digits}f} to {difference.high:+.{digits}f}, {chains(difference.n)},"
        f" {100 * (difference.won or 0):.0f} % of them won.{could}"
    )


def _with_interval(summary: Summary, metric: Metric) -> str:
    digits = digits_of(metric)
    if summary.mean is None or summary.low is None or summary.high is None:
        return "–" if summary.mean is None else f"{summary.mean:.{digits}f}"
    return f"{summary.mean:.{digits}f} ({summary.low:.{digits}f} to {summary.high:.{digits}f})"


def digits_of(metric: Metric) -> int:
    """Return with how many digits a metric is written: errors in angstrom with two, scores with three."""
    return 2 if metric.lower_is_better else 3


def chains(count: int) -> str:
    """Return a number of chains in words."""
    return f"{count:,} chain{'' if count == 1 else 's'}"


def matrix(data: ReportData) -> tuple[list[str], Mapping[str, Sequence[Mapping[str, Difference] | None]]]:
    """Return what runs are set beside, nulls first, and for each run the differences to these by metric."""
    there = {other for others in data.differences.values() for other in others}
    order = [*data.nulls, *(item.name for item in data.comparators), *data.summaries]
    columns = [name for name in dict.fromkeys(order) if name in there]
    return columns, {run: [others.get(name) for name in columns] for run, others in data.differences.items()}
