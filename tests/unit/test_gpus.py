"""Jobs at a time get different GPUs; there need not be any for that."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from proteinmtp.base.errors import UserError

from ..support.networks import run_of
from ..support.trained_runs import files_of

PROGRAM = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(os.environ["CUDA_VISIBLE_DEVICES"])
time.sleep({})
"""


def job(folder: Path, name: str, *, count: int = 1, seconds: float = 60, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "proteinmtp.base.gpus", str(count)]
    environment = {**os.environ, "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": "3,GPU-5e"} | variables
    program = [sys.executable, "-c", PROGRAM.format(seconds), str(folder / name)]
    return subprocess.Popen([*command, *program], env=environment, stderr=subprocess.PIPE, text=True)


def gpu_of(folder: Path, name: str) -> str:
    deadline = time.monotonic() + 60
    while not (folder / name).exists() or not (folder / name).read_text():
        assert time.monotonic() < deadline, f"{name} got no GPU"
        time.sleep(0.02)
    return (folder / name).read_text()


def test_jobs_at_a_time_get_different_gpus_and_the_next_one_waits(tmp_path: Path):
    jobs = [job(tmp_path, "a"), job(tmp_path, "b")]
    assert {gpu_of(tmp_path, "a"), gpu_of(tmp_path, "b")} == {"3", "GPU-5e"}
    jobs.append(job(tmp_path, "c"))
    assert "waiting for 1 of the GPUs 3, GPU-5e" in jobs[2].stderr.readline()
    assert not (tmp_path / "c").exists()
    jobs[0].kill()
    assert gpu_of(tmp_path, "c") == gpu_of(tmp_path, "a"), "killed, a job gives back its own"
    for process in jobs:
        process.kill()
        process.communicate()


def test_jobs_of_one_slurm_job_share_its_gpus_and_those_of_another_have_others(tmp_path: Path):
    """Both may be called 0 in two jobs of SLURM, and are two."""
    own = {"CUDA_VISIBLE_DEVICES": "0, 1"}
    jobs = [job(tmp_path, name, SLURM_JOB_ID="7", **own) for name in "ab"]
    jobs.append(job(tmp_path, "c", SLURM_JOB_ID="8", CUDA_VISIBLE_DEVICES="1"))
    assert {gpu_of(tmp_path, "a"), gpu_of(tmp_path, "b")} == {"0", "1"}
    assert gpu_of(tmp_path, "c") == "1"
    for process in jobs:
        process.kill()
        process.communicate()


def test_more_gpus_than_there_are_is_one_line(tmp_path: Path):
    done = job(tmp_path, "a", count=3)
    assert done.communicate(timeout=60)[1] == (
        "error: train.gpus or backbone.pretrain.gpus asks for 3 GPUs, and 2 can be used here; set it to 0 for the CPU\n"
    )
    assert done.returncode == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_training_on_a_gpu_that_is_not_there_does_not_go_to_the_cpu_unseen(small, tmp_path: Path):
    with pytest.raises(UserError, match=r"train\.gpus is 1, and there is no GPU"):
        files_of(small, tmp_path).train(run_of(train={"gpus": 1}))
