"""Dry-runs of Snakemake by the hundred, each in a process of its own that begins where everything is imported.

Importing takes most of a dry-run, and reading the code of the checkout most of the rest; done once, both count once. A
dry-run takes the Snakefile, the rules, the config and the data as they are then. What the Snakefile imports is as it
was in the beginning: an edit there counts as code of the stages, and changes nothing in how their jobs are planned.
"""

import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any

IMPORTED = (
    "proteinmtp.folding.sequences",
    "proteinmtp.planning.jobs",
    "proteinmtp.predictors.catalogue",
    "proteinmtp.structures.listing",
    "proteinmtp.structures.sources.directory",
    "proteinmtp.tables.sizes",
    "proteinmtp.tables.subset_table",
    "smart_open",
    "snakemake.cli",
    "transformers.models.auto.configuration_auto",
)
"""What the Snakefile, or Snakemake when it plans, imports and that takes long."""
ALWAYS = ("-j", "2", "--quiet", "host")


@dataclass(frozen=True)
class Job:
    """A job of Snakemake: its rule, its wildcards, the paths that it reads and writes, and minutes that it asks for."""

    rule: str
    wildcards: tuple[tuple[str, str], ...]
    input: tuple[str, ...]
    output: tuple[str, ...]
    minutes: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return " ".join([self.rule, *(value for _, value in self.wildcards)])

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> "Job":
        """Return a job from its fields as JSON."""
        wildcards = tuple((name, value) for name, value in fields["wildcards"])
        return cls(fields["rule"], wildcards, tuple(fields["input"]), tuple(fields["output"]), fields["minutes"])


@dataclass(frozen=True)
class DryRun:
    """How Snakemake ended: its exit code, what it said, and the jobs that it planned."""

    code: int
    output: str
    jobs: tuple[Job, ...]


class DryRuns:
    """A process that runs Snakemake in a checkout, as often as it is asked; a context that ends it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]):
        self._process = subprocess.Popen(
            [sys.executable, __file__], cwd=folder, env=dict(environment), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "DryRuns":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)

    def run(self, *arguments: str) -> DryRun:
        """Return how snakemake ends with these arguments; `-n` or `--touch` is among them."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([*arguments, *ALWAYS]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"the process for dry-runs ended with {self._process.wait()}"
        fields = json.loads(line)
        return DryRun(fields["code"], fields["output"], tuple(map(Job.parse, fields["jobs"])))


def dry_runs(folder: Path, configs: Sequence[Sequence[str]], environment: Mapping[str, str]) -> list[DryRun]:
    """Return how dry-runs in a checkout end, each with its config files, in their order."""
    with DryRuns(folder, environment) as process:
        return [process.run("-n", "--configfile", *files) for files in configs]


class _Planned(logging.Filter):
    """Takes down the jobs that Snakemake shows."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Job] = []

    def filter(self, record: logging.LogRecord) -> bool:
        from snakemake_interface_logger_plugins.common import LogEvent

        fields = vars(record)
        if fields.get("event") == LogEvent.JOB_INFO and fields["output"]:
            wildcards = tuple((name, str(value)) for name, value in fields["wildcards"].items())
            read, written = (tuple(map(str, fields[end])) for end in ("input", "output"))
            minutes = fields["resources"].get("runtime")  # not a number before the inputs are there
            known = minutes if isinstance(minutes, int) else None
            self.jobs.append(Job(fields["rule_name"], wildcards, read, written, known))
        return True


def main() -> None:
    """Answer each line of arguments with a line that says how Snakemake ended."""
    _warm_up()
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as jobs:
            pid = os.fork()
            if pid == 0:
                _snakemake(json.loads(line), output, jobs)
            _, status = os.waitpid(pid, 0)
            output.seek(0)
            jobs.seek(0)
            ended = {"code": os.waitstatus_to_exitcode(status), "output": output.read()}
            print(json.dumps(ended | {"jobs": json.loads(jobs.read() or "[]")}), flush=True)


def _warm_up() -> None:
    """Import what dry-runs need, and read the code of the checkout."""
    for module in IMPORTED:
        import_module(module)
    import_module("snakemake.cli").get_argument_parser()
    import_module("snakemake.executors.touch").Executor.SLEEPING_TIME = 0
    for package in ("pipeline", "proteinmtp"):
        for path in Path(package).rglob("*.py"):
            import_module("proteinmtp.base.syntax").read_code(path.resolve())
    gc.freeze()


def _snakemake(arguments: list[str], output: IO[str], jobs: IO[str]) -> None:
    """Run snakemake as its command does, and end this process."""
    from snakemake.cli import main as snakemake
    from snakemake.logging import logger

    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    planned = _Planned()
    logger.addFilter(planned)
    code: int | str | None = 1
    try:
        snakemake(arguments)
    except SystemExit as ended:
        code = ended.code
    finally:
        json.dump(list(map(asdict, planned.jobs)), jobs)
        for stream in (sys.stdout, sys.stderr, jobs):
            stream.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
