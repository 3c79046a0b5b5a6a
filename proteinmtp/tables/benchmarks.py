"""What stages cost: the tables that Snakemake's `benchmark:` writes, `<folder>/<stage>/**.tsv`, a row for each job."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STAGES = (
    "demo", "manifest", "parse", "distances", "split", "backbone", "pretrain", "train", "predict", "fit_null",
    "predict_null", "comparator", "chirality", "calibrate", "reconstruct", "package", "fold", "fold_summary",
    "evaluate", "view",
)  # fmt: skip
"""Stages in the order in which their costs are shown, that of the data."""

LATER = ("report", "provenance")
"""Stages whose costs the report cannot know."""


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """Time and memory of the jobs of one stage.

    Attributes:
        stage: its name.
        jobs: how many were measured.
        seconds: wall time, the sum over the jobs; jobs that ran at the same time count each.
        longest: wall time of the longest job, seconds.
        cpu_seconds: processor time, the sum over the jobs that say it; None if none does.
        max_rss_mb: greatest resident memory of any job, megabytes; None if no job says it.
    """

    stage: str
    jobs: int
    seconds: float
    longest: float
    cpu_seconds: float | None
    max_rss_mb: float | None


def read_costs(folder: Path, order: Sequence[str] = STAGES) -> list[CostRow]:
    """Return the costs of each stage with a measured job, of results that may be incomplete.

    Parameters:
        folder: with a folder for each stage; without it there are no rows. Files that are no such table, as a killed
            job may leave them, are passed over.
        order: stages that come first, in their order; the others follow by name.
    """
    stages = sorted(path for path in folder.glob("*") if path.is_dir() and path.name not in LATER)
    place = {stage: at for at, stage in enumerate(order)}
    stages.sort(key=lambda path: place.get(path.name, len(place)))
    jobs = {path.name: [job for file in sorted(path.rglob("*.tsv")) for job in _jobs(file)] for path in stages}
    return [_cost(stage, of_stage) for stage, of_stage in jobs.items() if of_stage]


@dataclass(frozen=True, kw_only=True)
class MeasuredJob:
    """Time and memory of one job, by the path of its table without the suffix; else as in `CostRow`."""

    name: str
    seconds: float
    cpu_seconds: float | None
    max_rss_mb: float | None


def read_jobs(folder: Path) -> Iterator[MeasuredJob]:
    """Yield what each measured job cost, by its name; of one that was measured several times the last."""
    for file in sorted(folder.rglob("*.tsv")):
        for job in list(_jobs(file))[-1:]:
            name = file.relative_to(folder).with_suffix("").as_posix()
            assert job["s"] is not None
            yield MeasuredJob(name=name, seconds=job["s"], cpu_seconds=job["cpu_time"], max_rss_mb=job["max_rss"])


def _cost(stage: str, jobs: Sequence[Mapping[str, float | None]]) -> CostRow:
    seconds, cpu, memory = (
        [value for job in jobs if (value := job[name]) is not None] for name in ("s", "cpu_time", "max_rss")
    )
    return CostRow(
        stage=stage,
        jobs=len(jobs),
        seconds=sum(seconds),
        longest=max(seconds),
        cpu_seconds=sum(cpu) if cpu else None,
        max_rss_mb=max(memory, default=None),
    )


def _jobs(file: Path) -> Iterator[dict[str, float | None]]:
    """Yield time and memory of the jobs in a file: those that have a wall time."""
    try:
        rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    for row in rows:
        job = {name: _number(row.get(name)) for name in ("s", "cpu_time", "max_rss")}
        if job["s"] is not None:
            yield job


def _number(text: str | None) -> float | None:
    """Return a number that can be measured; Snakemake writes NA or - for what it could not."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
