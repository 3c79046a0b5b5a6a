"""How long Snakemake takes to see what must be done, over the number of structure files and of shards.

The files are small, copies of a few that differ in a remark, since it is their number that counts. The results are
placeholders, tables without rows among them, that `snakemake --touch` marks as made in Snakemake's own records: nothing
of them is read when nothing has changed.
"""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import scale_data

from proteinmtp.tables.chains import CHAINS

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = (
    "import sys; from snakemake.executors import touch; touch.Executor.SLEEPING_TIME = 0.005;"
    "from snakemake.cli import main; main(sys.argv[1:])"
)
"""Snakemake, which waits a tenth of a second for each job that it touches, and here does not."""
CONFIG = "source: {{kind: directory, directory: {{path: files}}}}\nparse: {{shards: {shards}}}\n"


@dataclass(frozen=True)
class Look:
    """One call of Snakemake: what for, seconds by the clock and of processors, and megabytes."""

    what: str
    seconds: float
    cpu: float
    megabytes: float


def looks(folder: Path, *, files: int, shards: int) -> list[Look]:
    """Return what dry-runs take: the first, which reads all files, a second, and two with nothing to do.

    Raises:
        RuntimeError: if Snakemake fails, or finds something to do where there is nothing.
    """
    folder.mkdir()
    originals = scale_data.write_files(folder / "originals", 10)
    scale_data.write_copies(folder / "files", files, originals)
    (folder / "config.yaml").write_text(CONFIG.format(shards=shards), encoding="utf-8")
    taken = [_look(folder, what, "-n") for what in ("first look, files read", "dry-run")]
    for name in _outputs(folder):
        _write_placeholder(folder / name)
    _snakemake(folder, "--touch", "--forceall")
    for _ in range(2):
        taken.append(_look(folder, "nothing to do", "-n", needed="Nothing to be done"))
    return taken


def _write_placeholder(path: Path) -> None:
    """Write a folder, a table without rows, of which jobs ask how many there are, or a file that says nothing."""
    if path.suffix == ".parquet":
        CHAINS.write(path, [])
    elif path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name, encoding="utf-8")
    else:
        path.mkdir(parents=True, exist_ok=True)


def _look(folder: Path, what: str, *arguments: str, needed: str = "") -> Look:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    output = _snakemake(folder, *arguments)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if needed not in output:
        raise RuntimeError(f"{needed!r} is not in {output[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Look(what, seconds, cpu, after.ru_maxrss / 1e3)


def _outputs(folder: Path) -> list[str]:
    lines = _snakemake(folder, "--summary").splitlines()
    return [name for name in (line.partition("\t")[0] for line in lines) if name.startswith("results/")]


def _snakemake(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    place = ["-s", str(ROOT / "Snakefile"), "--profile", str(ROOT / "profiles" / "default"), "-j", "2"]
    done = subprocess.run(
        [sys.executable, "-c", SNAKEMAKE, *place, *arguments],
        cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:])
    return done.stdout
