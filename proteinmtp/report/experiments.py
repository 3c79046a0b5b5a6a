"""What became of the hypotheses that the config states: that a run is better, or worse, than another in one metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proteinmtp.config.whole import Config, RunEntry
from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.scoring.statistics import (
    CONFIDENCE,
    Difference,
    Summary,
    counts,
    paired_difference,
    resampling_unit,
    summarise,
)

RELATIONS = {"better": "better than", "worse": "worse than"}
"""What the paired difference has to say, by what the hypothesis expects."""


@dataclass(frozen=True)
class Experiment:
    """A run's question, and its hypothesis with what was found.

    Attributes:
        run, question, hypothesis, against: as in the config.
        expects: `better` or `worse`: what the hypothesis says the run is.
        metric: in which it says so; None, and so all below, without a hypothesis.
        ours, theirs: means over the chains that both have.
        difference: ours minus theirs, chain by chain.
    """

    run: str
    question: str
    hypothesis: str = ""
    against: str | None = None
    expects: str = "better"
    metric: Metric | None = None
    ours: Summary | None = None
    theirs: Summary | None = None
    difference: Difference | None = None

    @property
    def verdict(self) -> str | None:
        """`supported` or `contradicted` where the interval is apart from zero, else `undecided`; None without one."""
        if self.difference is None:
            return None
        if self.difference.verdict not in RELATIONS.values():
            return "undecided"
        return "supported" if self.difference.verdict == RELATIONS[self.expects] else "contradicted"

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "run": self.run,
            "question": self.question,
            "hypothesis": self.hypothesis,
            "against": self.against,
            "expects": self.expects,
            "metric": None if self.metric is None else self.metric.name,
            "ours": None if self.ours is None else self.ours.as_dict(),
            "theirs": None if self.theirs is None else self.theirs.as_dict(),
            "difference": None if self.difference is None else self.difference.as_dict(),
            "verdict": self.verdict,
        }


def experiments(config: Config, metrics: Sequence[Mapping[str, Any]]) -> list[Experiment]:
    """Return the experiments of the runs that have a question or a hypothesis, in the order of the config.

    Parameters:
        config: the whole configuration.
        metrics: rows of the table of scores.
    """
    return [_experiment(config, metrics, entry) for entry in config.runs if entry.question or entry.hypothesis]


def by_chance(found: Sequence[Experiment]) -> tuple[int, float]:
    """Return how many comparisons were made, and how many would look decided if no run differed from another."""
    made = sum(item.difference is not None and item.difference.verdict is not None for item in found)
    return made, (1 - CONFIDENCE) * made


def _experiment(config: Config, metrics: Sequence[Mapping[str, Any]], entry: RunEntry) -> Experiment:
    if entry.against is None:
        return Experiment(entry.name, entry.question)
    unit, samples = resampling_unit(config.split.method), config.report.bootstrap_samples
    metric = next(shown for shown in METRICS_SHOWN if shown.name == entry.metric)
    group_of = {row["chain_id"]: row[unit] for row in metrics}
    ours, theirs = (
        {row["chain_id"]: row[metric.name] for row in metrics if row["run"] == run}
        for run in (entry.name, entry.against)
    )
    both = [chain for chain in sorted(ours.keys() & theirs.keys()) if counts(ours[chain]) and counts(theirs[chain])]
    groups = [group_of[chain] for chain in both]
    mean, other = (
        summarise([of_run[chain] for chain in both], groups, samples, config.seed) for of_run in (ours, theirs)
    )
    difference = paired_difference(ours, theirs, group_of, metric.lower_is_better, samples, config.seed)
    return Experiment(
        entry.name, entry.question, entry.hypothesis, entry.against, entry.expects, metric, mean, other, difference
    )
