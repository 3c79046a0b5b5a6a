import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.config.whole import options_json
from proteinmtp.tables.parquet import read_rows
from proteinmtp.predictors.network import ArtefactError, predict_shard
from proteinmtp.base.files import directory_hashes
from proteinmtp.training.sampler import BatchSampler, share
from proteinmtp.training.train import RESUME_ME, DivergedError, TrainingFiles, learning_rate, train

from ..support.small import small_config


def files_of(small, folder: Path) -> TrainingFiles:
    return TrainingFiles(
        small.chains, small.distances, small.split, small.backbone,
        folder / "work", folder / "model", folder / "manifest.json", folder / "history.parquet",
    )  # fmt: skip


def command_of(files: TrainingFiles, options: str) -> list[str]:
    command = [sys.executable, "-m", "pipeline", "train", "--options", options]
    for flag, paths in (("--chains", files.chains), ("--distances", files.distances)):
        command += [f"{flag}={path}" for path in paths]
    for flag in ("split", "backbone", "work", "model", "manifest", "history"):
        command += [f"--{flag}", str(getattr(files, flag))]
    return command


def run_of(**changes):
    return small_config(runs=[{"name": "a"} | changes]).run("a")


def trained(small, folder: Path, **changes) -> dict[str, str]:
    train("a", run_of(**changes), 0, files_of(small, folder), "code")
    return directory_hashes(folder / "model")


def test_training_twice_gives_equal_bytes(small, tmp_path: Path):
    assert trained(small, tmp_path / "a") == trained(small, tmp_path / "b")
    assert (tmp_path / "a" / "history.parquet").read_bytes() == (tmp_path / "b" / "history.parquet").read_bytes()
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_bits(small, tmp_path: Path, monkeypatch, tuning: str):
    """Stopped after the second step by an error, as hard as a kill: nothing but the checkpoint is left."""
    changes = {"train": {"tuning": tuning, "lora": {"dropout": 0.1}}}
    whole = trained(small, tmp_path / "whole", **changes)
    from proteinmtp.training import train as module

    step = module._Loop.step
    seen = []

    def failing(self, chains, lr):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(lr)
        return step(self, chains, lr)

    monkeypatch.setattr(module._Loop, "step", failing)
    with pytest.raises(KeyboardInterrupt):
        trained(small, tmp_path / "cut", **changes)
    monkeypatch.undo()
    assert list((tmp_path / "cut" / "work").glob("*/checkpoint.safetensors"))
    assert trained(small, tmp_path / "cut", **changes) == whole
    assert list(read_rows(tmp_path / "cut" / "history.parquet")) == list(
        read_rows(tmp_path / "whole" / "history.parquet")
    )
    assert not list((tmp_path / "cut" / "work").glob("*/*")), "the checkpoint is not needed any more"


def test_kill_9_in_the_middle_leaves_a_checkpoint_to_go_on_from(small, tmp_path: Path):
    options = options_json(run_of(train={"steps": 2000, "checkpoint_every": 5, "validate_every": 2000}))
    files = files_of(small, tmp_path)
    command = command_of(files, options)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(files.work.glob("*/checkpoint.safetensors")):
        assert process.poll() is None and time.monotonic() < deadline, "training wrote no checkpoint"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    again = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in again.stderr:
        if "going on from the checkpoint of step" in line:
            break
    else:
        pytest.fail("the second run did not go on")
    again.kill()
    again.communicate()


def test_a_changed_setting_starts_anew(small, tmp_path: Path):
    files = files_of(small, tmp_path)
    with pytest.raises(SystemExit) as stopped:
        train("a", run_of(train={"max_minutes": 1e-9}), 0, files, "code")
    assert stopped.value.code == RESUME_ME
    assert len(list(files.work.glob("*/checkpoint.safetensors"))) == 1
    train("a", run_of(train={"lr": 0.01}), 0, files, "code")
    assert len(list(files.work.glob("*/checkpoint.safetensors"))) == 1, "the other run's checkpoint stays"


def test_gradient_accumulation_does_not_change_the_result(small, tmp_path: Path):
    for name, pieces in (("one", 1), ("three", 3)):
        trained(small, tmp_path / name, train={"gradient_accumulation": pieces})
    one, three = (list(read_rows(tmp_path / name / "history.parquet")) for name in ("one", "three"))
    for first, second in zip(one, three, strict=True):
        assert second["train_loss"] == pytest.approx(first["train_loss"], rel=1e-4)
        assert second["val_loss"] == pytest.approx(first["val_loss"], rel=1e-4)


def test_two_processes_train_as_one(small, tmp_path: Path):
    options = options_json(run_of())
    history = {}
    for processes in (1, 2):
        files = files_of(small, tmp_path / str(processes))
        command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(processes)]
        command += [
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
            "--main_process_port",
            "0",
        ]
        command += command_of(files, options)[1:]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        history[processes] = list(read_rows(files.history))
    for one, two in zip(history[1], history[2], strict=True):
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-4)
        assert two["val_mae"] == pytest.approx(one["val_mae"], rel=1e-4)


def test_training_makes_the_loss_smaller(small, tmp_path: Path):
    trained(small, tmp_path, train={"steps": 150, "validate_every": 30, "lr": 0.003})
    history = list(read_rows(tmp_path / "history.parquet"))
    assert history[-1]["train_loss"] < 0.6 * history[0]["train_loss"]


def test_a_run_that_diverges_says_so(small, tmp_path: Path):
    with pytest.raises(DivergedError, match=r"a: loss .* lower train\.lr"):
        trained(small, tmp_path, train={"lr": 1e30, "max_grad_norm": 1e30, "steps": 20})


def test_a_run_of_no_steps_saves_the_untrained_model(small, tmp_path: Path):
    assert "head.safetensors" in trained(small, tmp_path, train={"steps": 0})


def test_lora_twice_in_two_processes_gives_equal_bytes(small, tmp_path: Path):
    hashes = []
    for seed in ("1", "2"):
        files = files_of(small, tmp_path / seed)
        command = command_of(files, options_json(run_of(train={"tuning": "lora"})))
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
        hashes.append(directory_hashes(files.model))
    assert hashes[0] == hashes[1]


def test_a_changed_artefact_is_not_loaded(small, tmp_path: Path):
    trained(small, tmp_path)
    head = tmp_path / "model" / "head.safetensors"
    head.write_bytes(head.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtefactError, match=r"head.safetensors is missing or changed"):
        predict_shard(
            run_of(), small.chains[0], small.split, "train", small.backbone, tmp_path / "manifest.json", tmp_path / "p"
        )


def test_every_chain_is_seen_once_in_an_epoch():
    lengths = list(np.random.default_rng(0).integers(30, 500, 96))
    sampler = BatchSampler(lengths, 8, seed=3)
    first = [sampler.batch(step) for step in range(12)]
    assert sorted(index for batch in first for index in batch) == list(range(96))
    second = [sampler.batch(step) for step in range(12, 24)]
    assert first != second
    assert BatchSampler(lengths, 8, seed=3).batch(17) == second[5], "a batch depends on the step alone"
    spread = np.mean([np.ptp(np.array(lengths)[batch]) for batch in first])
    assert spread < 0.5 * np.ptp(lengths), "batches hold chains of like length"


def test_processes_share_a_batch_without_loss():
    for world in (1, 2, 3):
        for pieces in (1, 2, 4):
            shares = [share(range(10), rank, world, pieces) for rank in range(world)]
            assert sorted(index for one in shares for piece in one for index in piece) == list(range(10))
            assert len({len(one) for one in shares}) == 1
            assert all(piece for one in shares for piece in one)
    with pytest.raises(ValueError, match="2 chains cannot be shared by 3"):
        share(range(2), 0, 3, 1)


def test_the_learning_rate_rises_then_falls():
    options = run_of(train={"steps": 100, "lr": 1.0, "warmup": 0.1}).train
    rates = [learning_rate(step, options) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) in (9, 10)
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.02
