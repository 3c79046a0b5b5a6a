"""What became of the hypotheses that the config states: that a run is better, or worse, than another in one metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.config import RunEntry
from proteinmtp.scoring.statistics import (
    CONFIDENCE,
    Bootstrap,
    Difference,
    Summary,
    of_run,
    paired_difference,
    scored_in_both,
    summarise,
)
from proteinmtp.tables.metrics import MetricsRow

RELATIONS = {"better": "better than", "worse": "worse than"}
"""What the paired difference has to say, by what the hypothesis expects."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A metric of a run and of the one it is held against, over the chains that both have.

    Attributes:
        metric: in which they are compared.
        ours, theirs: means.
        difference: ours minus theirs, chain by chain.
    """

    metric: Metric
    ours: Summary
    theirs: Summary
    difference: Difference


@dataclass(frozen=True)
class Experiment:
    """A run's question, and its hypothesis with the result; None without a hypothesis."""

    entry: RunEntry
    result: Judgement | None

    @property
    def verdict(self) -> str | None:
        """What became of the hypothesis; None without one.

        `no difference` where the interval is within what counts as none, else `supported` or `contradicted` where it is
        apart from zero, else `undecided`.
        """
        if self.result is None:
            return None
        if self.result.difference.verdict == "as good as":
            return "no difference"
        if self.result.difference.verdict not in RELATIONS.values():
            return "undecided"
        return "supported" if self.result.difference.verdict == RELATIONS[self.entry.expects] else "contradicted"


def experiments(entries: Sequence[RunEntry], metrics: Sequence[MetricsRow], bootstrap: Bootstrap) -> list[Experiment]:
    """Return the experiments of the runs that have a question or a hypothesis, in their order.

    Parameters:
        entries: the runs of the config.
        metrics: rows of the table of scores, of all runs.
        bootstrap: how intervals are drawn.
    """
    return [
        Experiment(entry, None if entry.against is None else _judged(entry, entry.against, metrics, bootstrap))
        for entry in entries
        if entry.question or entry.hypothesis
    ]


def by_chance(tried: Sequence[Experiment]) -> tuple[int, float]:
    """Return how many comparisons were made, and how many would look decided if no run differed from another."""
    made = sum(item.result is not None and item.result.difference.verdict is not None for item in tried)
    return made, (1 - CONFIDENCE) * made


def _judged(entry: RunEntry, against: str, metrics: Sequence[MetricsRow], bootstrap: Bootstrap) -> Judgement:
    metric = next(shown for shown in METRICS_SHOWN if shown.name == entry.metric)
    ours, theirs = (of_run(metrics, run) for run in (entry.name, against))
    mine, other = scored_in_both(metric.name, ours=ours, theirs=theirs)
    return Judgement(
        metric=metric,
        ours=summarise(mine, metric.name, bootstrap),
        theirs=summarise(other, metric.name, bootstrap),
        difference=paired_difference(metric, bootstrap, ours=ours, theirs=theirs),
    )
