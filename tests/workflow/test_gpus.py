"""GPUs in a real run of the rules, with a stand-in for the program that would use them: there need not be any."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proteinmtp.base.gpus import lease

from ..support.project import Project

STAND_IN = f"""#!{sys.executable}
import os, sys, time
from proteinmtp.base.lifeline import hold_on

hold_on()
run = sys.argv[sys.argv.index("--run") + 1]

def say(what):
    with open(os.environ["SAID"], "a") as file:
        file.write(f"{{what}} {{run}} {{os.environ['CUDA_VISIBLE_DEVICES']}}\\n")

say("begins")
time.sleep(float(os.environ["SECONDS"]))
say("ends")
os.kill(os.getpid(), 9) if run == "killed" else sys.exit(1)
"""
GPUS_OF = {"killed": 1, "one": 1, "two": 2, "three": 1}


@pytest.fixture
def start(finished: Project, tmp_path: Path):
    """A function that starts Snakemake with two GPUs, which it believes to be four."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "accelerate").write_text(STAND_IN, encoding="utf-8")
    (tmp_path / "bin" / "accelerate").chmod(0o755)
    finished.configure({"runs": [{"name": name, "train": {"gpus": count}} for name, count in GPUS_OF.items()]})

    def begin(seconds: float) -> "subprocess.Popen[str]":
        environment = finished.environment()
        environment |= {
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{environment['PATH']}",
            "CUDA_VISIBLE_DEVICES": "0,1",
            "TMPDIR": str(tmp_path),
            "SAID": str(tmp_path / "said.txt"),
            "SECONDS": str(seconds),
        }
        arguments = ["--until", "train", "--keep-going", "--resources", "gpu=4", "--cores", "4"]
        command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "mine.yaml"]
        return subprocess.Popen(
            command, cwd=finished.folder, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    return begin


def said(folder: Path) -> list[list[str]]:
    path = folder / "said.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_no_two_jobs_have_one_gpu_at_a_time_and_those_of_a_killed_one_are_free(start, tmp_path: Path, monkeypatch):
    output = start(0.5).communicate(timeout=300)[0]
    held: dict[str, set[str]] = {}
    most = 0
    for what, run, gpus in said(tmp_path):
        taken = set(gpus.split(","))
        if what == "begins":
            assert len(taken) == GPUS_OF[run] and taken <= {"0", "1"}
            assert taken.isdisjoint(set().union(*held.values())), f"{run} got {taken} while {held}"
            held[run] = taken
            most = max(most, len(held))
        else:
            assert held.pop(run) == taken
    assert sorted(run for what, run, _ in said(tmp_path) if what == "ends") == sorted(GPUS_OF), output[-3000:]
    assert most == 2, "two jobs with a GPU each ran at a time"

    (tmp_path / "said.txt").unlink()
    snakemake = start(300)
    deadline = time.monotonic() + 300
    while not said(tmp_path):
        assert snakemake.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    snakemake.send_signal(signal.SIGKILL)
    snakemake.communicate(timeout=60)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert lease(2, ["0", "1"]) == ["0", "1"], "also after kill -9 of Snakemake"
