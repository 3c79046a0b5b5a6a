"""A disk that becomes full under a run: one line, nothing lost, and with room it goes on to the same results."""

import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ..support.chaos import OF_BENCHMARKS, differing
from ..support.project import TINY, Project, copy_project
from ..support.room import small_disk

pytestmark = pytest.mark.slow

STAGES = ("parse", "train", "report")
BEFORE = {"parse": ["manifest"], "train": ["split", "backbone"], "report": ["evaluate", "view"]}
"""What is made before the disk is filled, as soon as the stage has a log."""

FULL = "the disk of results is full (0.0 MB of "


def fill(disk: Path) -> Path:
    """Fill a disk, and return the file that does."""
    filler = disk / "filler"
    with suppress(OSError):
        filler.write_bytes(bytes(shutil.disk_usage(disk).free))
    return filler


def results_of(project: Project) -> dict[str, int]:
    results = project.folder / "results"
    return {
        str(path.relative_to(results)): path.stat().st_mtime_ns
        for path in results.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".json") and "work" not in path.parts
    }


def test_a_disk_that_is_full_in_parse_in_training_and_in_the_report(root: Path, tmp_path: Path):
    whole = copy_project(root, tmp_path / "whole")
    whole.configure(TINY)
    assert whole.snakemake().returncode == 0
    with small_disk(tmp_path / "disk", 24) as disk:
        project = copy_project(root, tmp_path / "project")
        project.configure(TINY)
        shutil.move(project.folder / "results" / "README.md", disk)
        (project.folder / "results").rmdir()
        (project.folder / "results").symlink_to(disk)
        for stage in STAGES:
            done = project.snakemake("--until", *BEFORE[stage])
            assert done.returncode == 0, done.stdout[-4000:]
            before = results_of(project)
            running = subprocess.Popen(
                project.command("--until", stage), cwd=project.folder, env=project.environment(),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            while not list((disk / "logs").glob(f"{stage}/*.log")):
                assert running.poll() is None, running.communicate()[0]
                time.sleep(0.02)
            filler = fill(disk)
            said = running.communicate(timeout=600)[0]
            assert running.returncode == 1 and said.strip().splitlines()[-1].startswith(FULL)
            refused = project.snakemake("--until", stage)
            assert refused.returncode == 74, "with no room it does not begin"
            assert refused.stdout.strip().splitlines()[-1].startswith(f"error: {FULL}")
            after = results_of(project)
            assert {name: after.get(name) for name in before} == before, "what was there is there"
            filler.unlink()
        done = project.snakemake()
        assert done.returncode == 0, done.stdout[-4000:]
        assert set(differing(whole.folder / "results", disk)) <= set(OF_BENCHMARKS)
