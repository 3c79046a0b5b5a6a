"""How far a run of the workflow is, stage by stage, in words. Knows neither Snakemake nor a terminal."""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOG_LINES = 10
"""Lines of a failed job's log that are shown."""

REASONS = 3
"""Reasons why a stage runs that are told."""

TAIL_BYTES = 16_384
"""Bytes at the end of a log that are looked at."""

GO_ON = "what is done is kept, start again to go on"

STAMP = re.compile(r"^\d\d:\d\d:\d\d [A-Z]+ ")
"""What stands before the words of a log record of the stages."""


@dataclass(frozen=True)
class Job:
    """A job of a stage, with what tells it from the others and where its log is."""

    stage: str
    wildcards: Mapping[str, str]
    log: Path | None


@dataclass
class Stage:
    """The jobs of a stage: how many there are and are done, since when, those that run, by number, and why."""

    total: int
    begun: float
    done: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)


class Progress:
    """Counts jobs by stage and says what is to be said of them.

    Parameters:
        clock: seconds, as `time.monotonic` gives them.

    Attributes:
        report: path of the report, once it is known.
        broken: whether the workflow itself ended with an error.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.report = ""
        self.broken = False
        self._clock = clock
        self._begun = clock()
        self._totals: Mapping[str, int] = {}
        self._stages: dict[str, Stage] = {}
        self._failed: set[int] = set()
        self._interrupted = False

    def expect(self, totals: Mapping[str, int]) -> None:
        """Take note of how many jobs each stage has."""
        self._totals = totals

    def start(self, number: int, job: Job) -> None:
        """Take note of a job that runs from now on, perhaps once more."""
        if job.stage not in self._stages:
            self._stages[job.stage] = Stage(self._totals.get(job.stage, 1), self._clock())
        stage = self._stages[job.stage]
        stage.running[number] = job
        stage.total = max(stage.total, stage.done + len(stage.running))
        self._failed.discard(number)

    def explain(self, stage: str, reasons: Iterable[str]) -> None:
        """Take note of why a job of a stage that was named would run."""
        self._stages[stage].reasons.update(reasons)

    def finish(self, number: int) -> list[str]:
        """Take note of a job that is done, and return the line of its stage if it was the last one of that."""
        for name, stage in self._stages.items():
            if stage.running.pop(number, None) is not None:
                stage.done += 1
                if stage.done == stage.total:
                    return [self._line(name, counted(stage.total), self._since(stage.begun))]
        return []

    def fail(self, number: int) -> list[str]:
        """Take note of a failed job, and return which it was and how its log ends; nothing after an interrupt."""
        for stage in self._stages.values():
            job = stage.running.pop(number, None)
            if job is not None and not self._interrupted:
                self._failed.add(number)
                return [f"failed: {described(job)}", *log_end(job.log)]
        return []

    def interrupt(self) -> None:
        """Take note that a person stopped it all."""
        self._interrupted = True

    def underway(self) -> list[str]:
        """Return a line for each stage of which jobs run: how many are done, for how long, what the last log says.

        Another thread than that of the other methods may ask, so what they change is copied.
        """
        if self._interrupted:
            return ["stopping"]
        return [
            self._line(
                name, f"{stage.done}/{stage.total}", self._since(stage.begun), latest(list(stage.running.values()))
            )
            for name, stage in list(self._stages.items())
            if stage.running
        ]

    def planned(self) -> list[str]:
        """Return a line for each stage with how many jobs were named, as a dry-run names them, and why; then in all."""
        counts = {name: len(stage.running) for name, stage in self._stages.items()}
        lines = [self._line(name, counted(count), self._why(self._stages[name])) for name, count in counts.items()]
        return [*lines, f"{counted(sum(counts.values()))} would run"] if lines else []

    def _why(self, stage: Stage) -> str:
        """Return the reasons of a stage's jobs, the frequent ones first, those of only some with their number."""
        of = stage.reasons.most_common(REASONS)
        more = [f"{len(stage.reasons) - REASONS} more reasons"] if len(stage.reasons) > REASONS else []
        return "; ".join([*(text if count == len(stage.running) else f"{text} ({count})" for text, count in of), *more])

    def ending(self) -> list[str]:
        """Return how it ended; nothing if no job was begun."""
        if not self._stages:
            return []
        done = sum(stage.done for stage in self._stages.values())
        if self._failed and not self._interrupted:
            return [f"{counted(len(self._failed))} failed, {done} done; {GO_ON}"]
        if self._interrupted or self.broken:
            return [f"stopped after {counted(done)}; {GO_ON}"]
        lines = [f"done: {counted(done)} in {self._since(self._begun)}"]
        made = "report" in self._stages  # else it is one of before
        return [*lines, f"report: {self.report}"] if self.report and made else lines

    def _since(self, begun: float) -> str:
        return duration(self._clock() - begun)

    def _line(self, name: str, count: str, *more: str) -> str:
        width = max(map(len, [*self._totals, *list(self._stages)]))
        return "   ".join([f"{name:{width}} {count:>9}", *filter(None, more)])


def described(job: Job) -> str:
    """Return the stage of a job with its wildcards, such as `train, run slots`."""
    return ", ".join([job.stage, *(f"{name} {value}" for name, value in job.wildcards.items())])


def counted(count: int) -> str:
    """Return a number of jobs in words."""
    return f"{count} job{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration for people: `12 s`, `3 min 20 s` or `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def log_end(log: Path | None) -> list[str]:
    """Return the last lines of a log, indented, and its path."""
    if log is None:
        return []
    lines = tail(log, LOG_LINES)
    return [*(f"    {line}" for line in lines), f"  {'log' if lines else 'its log is empty'}: {log}"]


def tail(log: Path, count: int) -> list[str]:
    """Return the last lines of a file that are not blank; none if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def latest(jobs: Iterable[Job]) -> str:
    """Return the last line of the log that was written to last, without its time and level."""
    written = [(job.log.stat().st_mtime, job.log) for job in jobs if job.log is not None and job.log.is_file()]
    if not written:
        return ""
    return "".join(STAMP.sub("", line) for line in tail(max(written)[1], 1))
