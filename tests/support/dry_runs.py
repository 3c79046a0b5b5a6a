"""Dry-runs of many configurations, each in a process of its own that begins where everything is imported.

Reads a line of config files for each from stdin, in the folder where snakemake is to run, and prints a line of JSON for
each: its exit code and its output. Importing takes most of a dry-run; done once, it counts once.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TypedDict


class DryRun(TypedDict):
    """How a dry-run ended."""

    code: int
    output: str


def dry_runs(folder: Path, configs: Sequence[Sequence[str]], environment: dict[str, str]) -> list[DryRun]:
    """Return how dry-runs in a checkout end, each with its config files, in their order."""
    done = subprocess.run(
        [sys.executable, __file__], cwd=folder, env=environment, capture_output=True, text=True,
        input="\n".join(" ".join(files) for files in configs),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    import snakemake.cli
    import snakemake.workflow  # noqa: F401

    import proteinmtp.predictors.catalogue
    import proteinmtp.structures.listing
    import proteinmtp.tables.subset_table  # noqa: F401

    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as output:
            pid = os.fork()
            if pid == 0:
                _dry_run(line.split(), output)
            _, status = os.waitpid(pid, 0)
            output.seek(0)
            print(json.dumps(DryRun(code=os.waitstatus_to_exitcode(status), output=output.read())), flush=True)


def _dry_run(files: list[str], output: IO[str]) -> None:
    """Run snakemake as its command does, and end this process."""
    from snakemake.cli import main as snakemake

    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    code: int | str | None = 1
    try:
        snakemake(["-n", "-j", "2", "--quiet", "host", "--configfile", *files])
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
