"""Where runs stand beside nulls, comparators and the first run: summaries, paired differences, and sentences."""

from collections.abc import Mapping, Sequence

from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.scoring.confidence import AGAINST, Trust, trust
from proteinmtp.scoring.statistics import (
    LENGTH_BINS,
    Bootstrap,
    Difference,
    Summary,
    paired_difference,
    summarise,
    summarise_by_length,
)
from proteinmtp.tables.metrics import MetricsRow

VERDICTS = ("better than", "worse than", "as good as", "not told apart from")
HEADLINES = tuple(metric for metric in METRICS_SHOWN if metric.headline)

OfRuns = Mapping[str, Sequence[MetricsRow]]
"""The rows of each run, of all its seeds."""
Differences = Mapping[str, Mapping[str, Mapping[str, Difference]]]
"""By run, by the run that it is set beside, by metric."""
Lengths = Mapping[str, Mapping[str, Mapping[str, Summary]]]
"""By metric, by run, by bin of length."""
Trusted = Mapping[str, Mapping[str, Trust]]
"""By run, by what confidence is compared with."""


def summaries(rows: OfRuns, bootstrap: Bootstrap) -> dict[str, dict[str, Summary]]:
    """Return the summary of each metric of each run."""
    return {
        run: {metric.name: summarise(of_run, metric.name, bootstrap) for metric in METRICS_SHOWN}
        for run, of_run in rows.items()
    }


def by_length(rows: OfRuns, bootstrap: Bootstrap) -> Lengths:
    """Return the summaries of the headline metrics of each run in each bin of length."""
    return {
        metric.name: {run: summarise_by_length(of_run, metric.name, bootstrap) for run, of_run in rows.items()}
        for metric in HEADLINES
    }


def bins_in_use(lengths: Lengths) -> list[str]:
    """Return the names of the bins in which any run has a chain, shortest first."""
    return [
        name
        for name, _ in LENGTH_BINS
        if any(of_bin[name].n for of_run in lengths.values() for of_bin in of_run.values())
    ]


def differences(
    rows: OfRuns, beside: Mapping[str, Sequence[str]], comparators: Sequence[str], bootstrap: Bootstrap
) -> Differences:
    """Return the paired differences of runs to nulls, comparators and the first run, in the headline metrics.

    Parameters:
        rows: of runs and nulls.
        beside: for each run and comparator the nulls that it is set beside.
        comparators: the names of those that are none of ours.
        bootstrap: how intervals are drawn.
    """
    first = list(beside)[:1]
    return {
        run: {
            other: {
                metric.name: paired_difference(metric, bootstrap, ours=rows[run], theirs=rows[other])
                for metric in HEADLINES
            }
            for other in dict.fromkeys((*nulls, *comparators, *first))
            if other != run
        }
        for run, nulls in beside.items()
    }


def trusted(rows: OfRuns) -> Trusted:
    """Return how far confidence can be trusted, of the runs that predict it."""
    judged = {
        run: {against: result for against in AGAINST if (result := trust(of_run, against)) is not None}
        for run, of_run in rows.items()
    }
    return {run: of_run for run, of_run in judged.items() if of_run}


def verdicts(differences: Differences) -> list[str]:
    """Return a sentence for each pair of runs, judged by the intervals of the paired differences."""
    sentences = []
    for run, others in differences.items():
        for other, of_metric in others.items():
            titles: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
            for metric in HEADLINES:
                verdict = of_metric[metric.name].verdict
                if verdict:
                    titles[verdict].append(metric.title.split(",")[0])
            parts = [f"{relation} {other} in {', '.join(which)}" for relation, which in titles.items() if which]
            if parts:
                sentences.append(f"{run} is {'; '.join(parts)}.")
    return sentences
