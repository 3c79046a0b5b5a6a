"""How training is started: on one machine by accelerate, on several by srun, which starts it on each."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proteinmtp.training import launch

from ..support.networks import run_of
from ..support.trained_runs import files_of, process

SRUN = """#!/bin/bash
# Starts a command once for each of two nodes, as srun does, and waits for both.
echo "$@" > {folder}/srun.txt
while [[ $1 == --* ]]; do shift; done
export SLURM_STEP_NODELIST=node[1-2]
SLURM_NODEID=1 "$@" & SLURM_NODEID=0 "$@" && wait %1
"""
SCONTROL = """#!/bin/bash
[[ $2 == hostnames ]] && printf 'node1\\nnode2\\n' && exit
echo "NodeName=$3 Arch=x86_64 NodeAddr=127.0.0.1 NodeHostName=$3"
"""


@pytest.fixture
def two_nodes(tmp_path: Path) -> dict[str, str]:
    """The environment of a SLURM job whose two nodes are both this machine."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("srun", SRUN.replace("{folder}", str(programs))), ("scontrol", SCONTROL)):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}", "SLURM_JOB_ID": "1"}


def command(kind: str, *options: str) -> list[str]:
    return ["-m", launch.HERE, "--config-file", f"workflow/accelerate/{kind}.yaml", *options, "pipeline"]


@pytest.mark.slow
def test_two_nodes_train_as_two_processes_on_one(small, tmp_path: Path, two_nodes: dict[str, str]):
    """The same bits: the ranks are those of the nodes, whichever comes first."""
    models = []
    for name, options in (("one", ("--processes", "2")), ("two", ("--nodes", "2"))):
        files = files_of(small, tmp_path / name)
        stage = files.command(run_of(train={"processes": 2}))[2:]
        done = subprocess.run(**process([*command("multi_cpu", *options), *stage], **two_nodes), capture_output=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "; 2 processes, cpu\n" in done.stderr
        models.append((files.outputs.model / "head.safetensors").read_bytes())
    assert models[0] == models[1]
    asked = (tmp_path / "programs" / "srun.txt").read_text(encoding="utf-8").split()
    assert asked[:3] == ["--nodes=2", "--ntasks=2", "--ntasks-per-node=1"]


def test_each_node_is_asked_for_its_gpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert "--gres=gpu:4" in launch.on_each_node(nodes=2, gpus=4, port=1, arguments=[])
    assert not any("gpu" in word for word in launch.on_each_node(nodes=2, gpus=0, port=1, arguments=[]))


def test_several_nodes_without_slurm_are_one_line():
    done = subprocess.run(**process([*command("multi_cpu", "--nodes", "2"), "train"]), capture_output=True)
    assert done.returncode == 1
    assert done.stderr == (
        "error: train.nodes or backbone.pretrain.nodes asks for 2 machines, which SLURM gives: start snakemake with"
        " --workflow-profile slurm, or set it to 1\n"
    )


@pytest.mark.parametrize(
    ("options", "processes"), [(("--processes", "3"), 3), (("--gpus", "2"), 2), ((), 1)], ids=["cpu", "gpu", "one"]
)
def test_one_machine_has_a_process_for_each_gpu(
    options: tuple[str, ...], processes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    started = []
    stage = ["pipeline", "train", "--x", "1"]
    monkeypatch.setattr(os, "execvp", lambda program, words: started.append(words))
    monkeypatch.setattr(sys, "argv", [launch.HERE, "--config-file", "file.yaml", *options, *stage])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    launch.main()
    given = ["--quiet", "--config_file", "file.yaml", "--num_processes", str(processes)]
    assert started == [["accelerate", "launch", *given, "-m", *stage]]


def test_asked_to_end_training_saves_first_and_goes_on_to_the_same_bits(small, tmp_path: Path):
    """SIGTERM, as SLURM sends it before it takes a node away; no checkpoint is due before the end."""
    settings = run_of(train={"steps": 150, "checkpoint_every": 1000, "validate_every": 50})
    cut, whole = files_of(small, tmp_path / "cut"), files_of(small, tmp_path / "whole")
    first = subprocess.Popen(**process(cut.command(settings)), stderr=subprocess.PIPE)
    for line in first.stderr:
        if "step 50: " in line:
            break
    first.send_signal(signal.SIGTERM)
    rest = first.communicate(timeout=120)[1]
    assert first.returncode == 75
    assert rest.splitlines()[-1].startswith("error: a: asked to end at step ")
    assert len(cut.checkpoints) == 1
    for files in (cut, whole):
        files.train(settings)
    assert cut.history == whole.history
    assert (cut.outputs.model / "head.safetensors").read_bytes() == (
        whole.outputs.model / "head.safetensors"
    ).read_bytes()
