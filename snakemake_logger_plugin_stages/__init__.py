"""A logger plugin of Snakemake: a line for each stage in place of all that Snakemake says, for `proteinmtp run`.

Snakemake finds the package by its name. What it would have said itself is in `.snakemake/log`.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_stages.progress import Job, Progress
from snakemake_logger_plugin_stages.reasons import is_made, reasons
from snakemake_logger_plugin_stages.screen import Screen

REPEATED = ("RuleException:\nCalledProcessError", "Exiting because a job", "WorkflowError:\nAt least one job")
"""How errors begin that only repeat that a job failed."""

INTERRUPTED = ("Terminating processes on user request", "Will exit after finishing currently running jobs")
"""How Snakemake begins to say that it got Ctrl-C, or was asked to end after the jobs that run."""


class LogHandler(LogHandlerBase):
    """Shows what happens in a run of the workflow."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Begin with nothing to show."""
        self._progress = Progress()
        self._screen = Screen(self._progress.underway)
        self._made_by: dict[str, str] = {}
        _silence_jobs()

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a person wants to know of a record."""
        try:
            self._show(record)
        except Exception:  # as every handler of logging: what cannot be shown stops no work
            self.handleError(record)

    def close(self) -> None:
        """End the lines that change, and say how all ended; Snakemake calls this more than once."""
        if self._screen.close():
            lines = self._progress.planned() if self.common_settings.dryrun else self._progress.ending()
            self._screen.show(lines)
        super().close()

    def _show(self, record: logging.LogRecord) -> None:
        progress, fields = self._progress, vars(record)
        event: LogEvent | None = fields.get("event")
        text = record.getMessage()
        # A job whose error is a RuleException may be tried again.
        progress.broken |= event == LogEvent.ERROR and fields["exception"] != "RuleException"
        if event == LogEvent.RUN_INFO:
            progress.expect(fields["stats"])
        elif event == LogEvent.JOB_INFO:
            if fields["output"]:  # else it is a target, which runs nothing
                progress.start(fields["jobid"], _job(fields))
                if self.common_settings.dryrun:
                    progress.explain(fields["rule_name"], self._reasons(fields))
                else:
                    self._screen.watch()
        elif event == LogEvent.JOB_FINISHED:
            self._screen.show(progress.finish(fields["job_id"]))
        elif event == LogEvent.JOB_ERROR:
            self._screen.show(progress.fail(fields["jobid"]))
        elif text.startswith(INTERRUPTED):
            progress.interrupt()
        elif text.startswith("Nothing to be done"):
            self._screen.show(["nothing to do: everything is there and up to date"])
        elif "report" in fields:  # of the Snakefile
            progress.report = fields["report"]
        elif record.levelno >= logging.WARNING and not text.startswith(REPEATED):
            self._screen.show([text])

    def _reasons(self, fields: dict[str, Any]) -> list[str]:
        """Return why a job would run; those before it, whose outputs it reads, come first in a dry-run."""
        self._made_by |= dict.fromkeys(fields["output"], fields["rule_name"])
        before = dict.fromkeys(self._made_by[path] for path in fields["input"] if path in self._made_by)
        return reasons(fields["reason"], made=is_made(fields["output"]), after=before)


def _job(fields: dict[str, Any]) -> Job:
    log = next(map(Path, fields["log"]), None)
    return Job(fields["rule_name"], {name: str(value) for name, value in fields["wildcards"].items()}, log)


def _silence_jobs() -> None:
    """Keep off the screen what jobs write to stdout, which is in their logs; what this process prints stays."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
