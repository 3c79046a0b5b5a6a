"""Where a run stands beside the nulls and the first run: paired differences, and sentences about them."""

from collections.abc import Mapping, Sequence
from typing import Any

from proteinmtp.config.whole import NULLS, Config
from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.scoring.statistics import (
    LENGTH_BINS,
    Difference,
    Summary,
    paired_difference,
    resampling_unit,
    summarise,
    summarise_by_length,
)

HEADLINES = tuple(metric for metric in METRICS_SHOWN if metric.headline)

Rows = Sequence[Mapping[str, Any]]
Differences = Mapping[str, Mapping[str, Mapping[str, Difference]]]
"""By run, by the run that it is set beside, by metric."""


def summaries(config: Config, metrics: Rows, names: Sequence[str]) -> dict[str, dict[str, Summary]]:
    """Return the summary of each metric of each run."""
    unit, samples = resampling_unit(config.split.method), config.report.bootstrap_samples
    found = {}
    for run in names:
        rows = [row for row in metrics if row["run"] == run]
        groups = [row[unit] for row in rows]
        found[run] = {
            metric.name: summarise([row[metric.name] for row in rows], groups, samples, config.seed)
            for metric in METRICS_SHOWN
        }
    return found


def by_length(config: Config, metrics: Rows, names: Sequence[str]) -> dict[str, dict[str, dict[str, Summary]]]:
    """Return the summaries of the headline metrics of each run in each bin of length: by metric, by run, by bin."""
    unit, samples = resampling_unit(config.split.method), config.report.bootstrap_samples
    found: dict[str, dict[str, dict[str, Summary]]] = {metric.name: {} for metric in HEADLINES}
    for run in names:
        rows = [row for row in metrics if row["run"] == run]
        lengths, groups = [row["length"] for row in rows], [row[unit] for row in rows]
        for metric in HEADLINES:
            values = [row[metric.name] for row in rows]
            found[metric.name][run] = summarise_by_length(values, lengths, groups, samples, config.seed)
    return found


def bins_in_use(lengths: Mapping[str, Mapping[str, Mapping[str, Summary]]]) -> list[str]:
    """Return the names of the bins in which any run has a chain, shortest first; `lengths` is that of `by_length`."""
    return [
        name
        for name, _ in LENGTH_BINS
        if any(of_bin[name].n for of_run in lengths.values() for of_bin in of_run.values())
    ]


def differences(config: Config, metrics: Rows, names: Sequence[str]) -> Differences:
    """Return the paired differences of each run to each null and to the first run, in the headline metrics."""
    unit, samples = resampling_unit(config.split.method), config.report.bootstrap_samples
    group_of = {row["chain_id"]: row[unit] for row in metrics}
    of_run = {run: {row["chain_id"]: row for row in metrics if row["run"] == run} for run in names}

    def beside(run: str, other: str) -> dict[str, Difference]:
        found = {}
        for metric in HEADLINES:
            ours, theirs = ({chain: row[metric.name] for chain, row in of_run[which].items()} for which in (run, other))
            found[metric.name] = paired_difference(ours, theirs, group_of, metric.lower_is_better, samples, config.seed)
        return found

    runs = [run for run in names if run not in NULLS]
    others = [*(run for run in names if run in NULLS), *runs[:1]]
    return {run: {other: beside(run, other) for other in others if other != run} for run in runs}


def verdicts(found: Differences) -> list[str]:
    """Return a sentence for each pair of runs, judged by the intervals of the paired differences."""
    sentences = []
    for run, others in found.items():
        for other, of_metric in others.items():
            titles: dict[str, list[str]] = {"better than": [], "worse than": [], "not told apart from": []}
            for metric in HEADLINES:
                verdict = of_metric[metric.name].verdict
                if verdict:
                    titles[verdict].append(metric.title.split(",")[0])
            parts = [f"{relation} {other} in {', '.join(which)}" for relation, which in titles.items() if which]
            if parts:
                sentences.append(f"{run} is {'; '.join(parts)}.")
    return sentences
