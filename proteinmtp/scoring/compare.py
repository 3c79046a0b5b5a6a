"""Two results set against each other, chain by chain."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from proteinmtp.base.errors import UserError
from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.config import NULL_PREFIX, run_of
from proteinmtp.scoring.statistics import (
    Bootstrap,
    Difference,
    Summary,
    Unit,
    of_run,
    paired_difference,
    scored_in_both,
    summarise,
)
from proteinmtp.tables.metrics import MetricsRow


class CompareError(UserError):
    """Two results that cannot be compared."""


@dataclass(frozen=True)
class Result:
    """The scores of one run.

    Attributes:
        origin: where they are from.
        run: name of the run.
        rows: of the table of scores, of all seeds of the run.
        unit: what a bootstrap draws.
    """

    origin: str
    run: str
    rows: Sequence[MetricsRow]
    unit: Unit

    @property
    def label(self) -> str:
        """Name for people."""
        return f"{self.origin}, {self.run}"

    @property
    def lengths(self) -> dict[str, int]:
        """Residues of each chain, by its id."""
        return {row.chain_id: row.length for row in self.rows}


@dataclass(frozen=True)
class Line:
    """One metric in both results, over the chains that both scored."""

    metric: Metric
    a: Summary
    b: Summary
    difference: Difference


@dataclass(frozen=True)
class Comparison:
    """What two results say of the same chains.

    Attributes:
        a, b: the results.
        lines: one for each metric that both have.
        common: ids of the chains that both have, with equal length.
        only_a, only_b: ids that one of them has.
        unequal: ids that both have with different lengths, so they are different chains and do not count.
        bootstrap: how intervals were drawn.
        clusters_differ: whether the two results divide the common chains into different clusters; those of A are used.
    """

    a: Result
    b: Result
    lines: Sequence[Line]
    common: Sequence[str]
    only_a: Sequence[str]
    only_b: Sequence[str]
    unequal: Sequence[str]
    bootstrap: Bootstrap
    clusters_differ: bool


def result(origin: str, rows: Sequence[MetricsRow], *, run: str | None, unit: Unit) -> Result:
    """Return the scores of one run.

    Parameters:
        origin: where the rows are from, for people.
        rows: of a table of scores, of any number of runs.
        run: its name; None if there is one run, nulls not counted.
        unit: what a bootstrap draws.

    Raises:
        CompareError: if none or several runs fit.
    """
    name = _choose(origin, run, sorted({run_of(row.run) for row in rows}))
    return Result(origin, name, of_run(rows, name), unit)


def compare(*, a: Result, b: Result, samples: int = 2000, seed: int = 0) -> Comparison:
    """Compare two results over the chains that both have.

    Parameters:
        a, b: results; a difference is that of A minus B.
        samples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        CompareError: if they are the same, or have no chain in common.
    """
    if (a.origin, a.run) == (b.origin, b.run):
        raise CompareError(f"both are {a.label}; name two runs: --run X --run Y")
    both = sorted(a.lengths.keys() & b.lengths.keys())
    common = [chain for chain in both if a.lengths[chain] == b.lengths[chain]]
    if not common:
        raise CompareError(f"{a.label} and {b.label} have no chain in common")
    bootstrap = Bootstrap(unit=a.unit if a.unit == b.unit else "cluster_id", samples=samples, seed=seed)
    ours, theirs = ([row for row in result.rows if row.chain_id in set(common)] for result in (a, b))
    return Comparison(
        a=a,
        b=b,
        lines=[_line(metric, bootstrap, ours=ours, theirs=theirs) for metric in _metrics_of(ours, theirs)],
        common=common,
        only_a=sorted(a.lengths.keys() - b.lengths.keys()),
        only_b=sorted(b.lengths.keys() - a.lengths.keys()),
        unequal=sorted(set(both) - set(common)),
        bootstrap=bootstrap,
        clusters_differ=bootstrap.unit == "cluster_id" and _partition(ours) != _partition(theirs),
    )


def _metrics_of(ours: Sequence[MetricsRow], theirs: Sequence[MetricsRow]) -> list[Metric]:
    """Return the metrics that both results have; tables from before a metric was added lack it."""
    rows = [*ours, *theirs]
    return [metric for metric in METRICS_SHOWN if all(metric.name in row.scores for row in rows)]


def _line(metric: Metric, bootstrap: Bootstrap, *, ours: Sequence[MetricsRow], theirs: Sequence[MetricsRow]) -> Line:
    mine, other = scored_in_both(metric.name, ours=ours, theirs=theirs)
    # The chains of B are drawn in the clusters of A.
    cluster = {row.chain_id: row.cluster_id for row in mine}
    other = [replace(row, cluster_id=cluster[row.chain_id]) for row in other]
    mean_a, mean_b = (summarise(rows, metric.name, bootstrap) for rows in (mine, other))
    return Line(metric, mean_a, mean_b, paired_difference(metric, bootstrap, ours=ours, theirs=theirs))


def _choose(origin: str, run: str | None, runs: Sequence[str]) -> str:
    if run in runs:
        return str(run)
    there = ", ".join(runs) or "no run"
    if run is not None:
        close = difflib.get_close_matches(run, runs, n=1)
        raise CompareError(
            f"{origin} has no run {run!r}; {f'did you mean {close[0]}? ' if close else ''}it has {there}"
        )
    models = [name for name in runs if not name.startswith(NULL_PREFIX)]
    candidates = models if models else runs
    if len(candidates) != 1:
        raise CompareError(f"{origin} has {there}; name one with --run")
    return candidates[0]


def _partition(rows: Sequence[MetricsRow]) -> list[int]:
    """Return the number of the cluster of each chain, sorted by id, in the order in which clusters appear."""
    number: dict[str, int] = {}
    cluster = {row.chain_id: row.cluster_id for row in rows}
    return [number.setdefault(cluster[chain], len(number)) for chain in sorted(cluster)]
