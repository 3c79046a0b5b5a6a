"""What kills do to a run: `python -m tests.support.chaos FOLDER` runs the workflow twice, once undisturbed.

The other run is killed so many times, in one of many ways at a moment drawn at random, and started again each time with
the plain command. After each kill no process may be left, and in the end both results folders must hold the same bytes.
What differs by nature is in `DIFFERENT`. Draws follow from the seed; how far a run has come at a moment does not.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from proteinmtp.base.files import directory_hashes

from .project import SMALL, copy_project

DIFFERENT = {
    "logs": "have the time in each line",
    "benchmarks": "say how long jobs took",
    ".lock": "says which process held the folder",
    "work/file-hashes.json": "knows files by the times of their change",
}
"""What differs between two undisturbed runs too, and why."""

OF_BENCHMARKS = ("report/index.html", "report/run_manifest.json")
"""What shows how long jobs took: compared when it is made anew from the same benchmarks."""

CONFIG = SMALL | {
    "runs": [
        {
            "name": "distance",
            "head": {"kind": "distogram"},
            "train": {"steps": 60, "validate_every": 20, "checkpoint_every": 5},
        },
    ],
    "nulls": ["neighbours"],
    "sequences": [{"name": "mine", "file": "mine.fasta"}],
}
"""A run of about a minute on quiet cores, with what starts processes of its own: training, MMseqs2, folding."""

WHOLE = {"structures", "model", "artefact", "pdb", "folded"}
"""Folders that a stage makes as a whole; `proteinmtp verify` knows what is in them."""

FASTA = ">a\nMKTAYIAKQRQISFVKSHFSRQ\n>b\nGSHMEEELLKKLAEEAGVDPEELLRRIKEA\n"
LEFT_SECONDS = 30.0
"""A process that is left after so long is left over. A launcher first comes to start what ends, which takes some."""
END_SECONDS = 600.0
LOOK_SECONDS = 0.02


class ChaosError(AssertionError):
    """What must not be, was."""


@dataclass
class Kill:
    """How a run was killed, and what came of it."""

    what: str
    when: str
    seconds: float
    code: int | None
    left: float

    def __str__(self) -> str:
        return (
            f"{self.what:<28} {self.when:<26} after {self.seconds:5.1f} s; ended with {self.code}, the last process"
            f" {self.left:.1f} s later"
        )


@dataclass
class Run:
    """The workflow in a folder, started as a user does."""

    folder: Path
    draw: random.Random
    kills: list[Kill] = field(default_factory=list)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with (self.folder / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", "-j", "2", *arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.folder), "PATH": path},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def to_the_end(self, *arguments: str) -> None:
        """Run undisturbed."""
        code = self.start(*arguments).wait(timeout=3 * END_SECONDS)
        if code:
            raise ChaosError(f"ended with {code}: {self.tail()}")

    def tail(self) -> str:
        return (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")[-3000:]

    def kill_once(self) -> None:
        """Start, kill at some moment in some way, and wait until nothing is left; what was finished is torn first."""
        when, wait = self.draw.choice(MOMENTS)
        what, kill = self.draw.choice(WAYS)
        began = time.monotonic()
        main = self.start()
        if not wait(self, main):
            if main.wait(timeout=END_SECONDS):
                raise ChaosError(f"ended with {main.returncode} before it was killed: {self.tail()}")
            print("finished before; something is deleted:", self.tear(), flush=True)
            self.kill_once()
            return
        seconds = time.monotonic() - began
        kill(self, main)
        try:
            code = main.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            raise ChaosError(f"{what}, {when}: it goes on: {self.tail()}") from None
        ended = time.monotonic()
        while left := processes(self.folder):
            if time.monotonic() - ended > LEFT_SECONDS:
                raise ChaosError(f"{what}, {when}: left are {[process.cmdline() for process in left]}")
            time.sleep(0.05)
        self.kills.append(Kill(what, when, seconds, code, time.monotonic() - ended))
        print(self.kills[-1], flush=True)

    def tear(self) -> str:
        """Delete a file or folder that was drawn, of those that Snakemake knows: within `WHOLE` it misses nothing."""
        results = self.folder / "results"
        there = [
            path
            for path in results.rglob("*")
            if path.relative_to(results).parts[0] in ("data", "runs", "report") and WHOLE.isdisjoint(path.parts)
        ]
        path = self.draw.choice(sorted(there))
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return str(path.relative_to(self.folder))


def processes(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder:
                found.append(process)
        except psutil.Error:
            continue
    return found


def signal_main(number: signal.Signals) -> Callable[[Run, "subprocess.Popen[bytes]"], None]:
    return lambda run, main: main.send_signal(number)


def signal_group(*numbers: signal.Signals) -> Callable[[Run, "subprocess.Popen[bytes]"], None]:
    def send(run: Run, main: "subprocess.Popen[bytes]") -> None:
        for number in numbers:
            if main.poll() is None:
                os.killpg(main.pid, number)
                time.sleep(run.draw.uniform(0, 1))

    return send


def signal_job(number: signal.Signals) -> Callable[[Run, "subprocess.Popen[bytes]"], None]:
    def send(run: Run, main: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + END_SECONDS
        while main.poll() is None and time.monotonic() < deadline:
            jobs = [process for process in processes(run.folder) if process.pid != main.pid]
            if jobs:
                run.draw.choice(jobs).send_signal(number)
                return
            time.sleep(0.05)

    return send


def after(low: float, high: float) -> Callable[[Run, "subprocess.Popen[bytes]"], bool]:
    def wait(run: Run, main: "subprocess.Popen[bytes]") -> bool:
        try:
            main.wait(timeout=run.draw.uniform(low, high))
        except subprocess.TimeoutExpired:
            return True
        return False

    return wait


def on_change(place: str, pattern: str, most: int) -> Callable[[Run, "subprocess.Popen[bytes]"], bool]:
    """Wait until files come or go so often that match; that is, until something is just being written."""

    def wait(run: Run, main: "subprocess.Popen[bytes]") -> bool:
        there: set[Path] | None = None
        left = run.draw.randint(1, most)
        while main.poll() is None:
            before, there = there, set((run.folder / place).rglob(pattern))
            if before is not None and there != before:
                left -= 1
                if not left:
                    return True
            time.sleep(LOOK_SECONDS)
        return False

    return wait


MOMENTS = (
    ("in the first seconds", after(0, 6)),
    ("at any time", after(2, 40)),
    ("at any time", after(2, 40)),
    ("while metadata are written", on_change(".snakemake/metadata", "*", 8)),
    ("while a job begins or ends", on_change(".snakemake/incomplete", "*", 12)),
    ("while a file is written", on_change("results", ".*.part", 12)),
    ("while it trains", on_change("results/work", "*.safetensors", 6)),
)
WAYS = (
    ("kill -9 of Snakemake", signal_main(signal.SIGKILL)),
    ("kill -9 of Snakemake", signal_main(signal.SIGKILL)),
    ("kill of Snakemake", signal_main(signal.SIGTERM)),
    ("kill -INT of Snakemake", signal_main(signal.SIGINT)),
    ("kill -9 of all", signal_group(signal.SIGKILL)),
    ("kill of all", signal_group(signal.SIGTERM)),
    ("Ctrl-C", signal_group(signal.SIGINT)),
    ("Ctrl-C twice", signal_group(signal.SIGINT, signal.SIGINT)),
    ("kill -9 of a job's process", signal_job(signal.SIGKILL)),
    ("kill -9 of a job's process", signal_job(signal.SIGKILL)),
    ("kill of a job's process", signal_job(signal.SIGTERM)),
)


def differing(one: Path, other: Path) -> list[str]:
    """Return what differs between two results folders, apart from `DIFFERENT`."""
    hashes = [
        {name: digest for name, digest in directory_hashes(folder).items() if not excused(name)}
        for folder in (one, other)
    ]
    return sorted(name for name in hashes[0] | hashes[1] if hashes[0].get(name) != hashes[1].get(name))


def excused(name: str) -> bool:
    return any(name == part or name.startswith(f"{part}/") for part in DIFFERENT)


def chaos(root: Path, folder: Path, *, kills: int, seed: int, config: Path | None = None) -> list[Kill]:
    """Run the workflow undisturbed and with kills, and compare.

    Parameters:
        root: the checkout.
        folder: for two copies of it.
        kills: how many.
        seed: of what is drawn.
        config: to use in place of the small one.

    Raises:
        ChaosError: if a process is left, a run does not go on, or the results differ.
    """
    draw = random.Random(seed)
    runs = [Run(folder / name, draw) for name in ("undisturbed", "disturbed")]
    for run in runs:
        run.folder.mkdir(parents=True)
        project = copy_project(root, run.folder)
        (run.folder / "mine.fasta").write_text(FASTA, encoding="ascii")
        text = yaml.safe_dump(CONFIG) if config is None else config.read_text(encoding="utf-8")
        (project.folder / "config.yaml").write_text(text, encoding="utf-8")
    undisturbed, disturbed = runs
    began = time.monotonic()
    undisturbed.to_the_end()
    print(f"undisturbed in {time.monotonic() - began:.0f} s", flush=True)
    while len(disturbed.kills) < kills:
        disturbed.kill_once()
    disturbed.to_the_end()
    files = compare(undisturbed, disturbed)
    print(f"{kills} kills, seed {seed}: {files} files, the same bytes but for {', '.join(DIFFERENT)}", flush=True)
    return disturbed.kills


def compare(undisturbed: Run, disturbed: Run) -> int:
    """Check that two runs that ended have the same results, and return of how many files.

    Raises:
        ChaosError: naming what differs.
    """
    one, other = (run.folder / "results" for run in (undisturbed, disturbed))
    if apart := [name for name in differing(one, other) if name not in OF_BENCHMARKS]:
        raise ChaosError(f"different are {', '.join(apart)}")
    for rule in ("report", "provenance"):  # the second reads how long the first took
        shutil.rmtree(other / "benchmarks")
        # With the time of now: Snakemake takes a benchmark that is older than an input for an output that is.
        shutil.copytree(one / "benchmarks", other / "benchmarks", copy_function=shutil.copyfile)
        for run in (undisturbed, disturbed):
            run.to_the_end("--forcerun", rule)
    if apart := differing(one, other):
        raise ChaosError(f"with the same costs, different are {', '.join(apart)}")
    return len(directory_hashes(one))


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.chaos", description=__doc__)
    parser.add_argument("folder", type=Path, help="that is not there yet")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--config", type=Path, help="in place of the small one, such as config.yaml of the demo")
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    chaos(root, given.folder.absolute(), kills=given.kills, seed=given.seed, config=given.config)


if __name__ == "__main__":
    main()
