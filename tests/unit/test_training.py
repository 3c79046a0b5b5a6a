import logging
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from proteinmtp.base.errors import DataError, ResumeError
from proteinmtp.base.files import directory_hashes
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.saved_files import SavedRun
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.training import checkpoint
from proteinmtp.training.loop import DivergedError, learning_rate
from proteinmtp.training.sampler import BatchSampler, share
from proteinmtp.training.step import TrainingStep, Validation

from ..support.networks import run_of
from ..support.trained_runs import files_of, killed_after, process


def trained(small, folder: Path, **changes) -> dict[str, str]:
    files = files_of(small, folder)
    files.train(run_of(**changes))
    return directory_hashes(files.outputs.model)


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch, small, folder: Path, **changes) -> None:
    with killed_after(steps, monkeypatch):
        trained(small, folder, **changes)


def test_training_twice_gives_equal_bytes(small, tmp_path: Path):
    assert trained(small, tmp_path / "a") == trained(small, tmp_path / "b")
    for name in ("history.parquet", "run.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("train", [{}, {"tuning": "lora", "lora": {"dropout": 0.1}, "distances": "stored"}])
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_bits(small, tmp_path: Path, monkeypatch, train: dict):
    """Stopped in a step by an error, as hard as a kill: nothing but the checkpoint is left."""
    changes = {"train": train | {"validate_every": 1}}
    whole = trained(small, tmp_path / "whole", **changes)
    for moment in range(1, 6):
        stop_after(moment, monkeypatch, small, tmp_path / "cut", **changes)
        files = files_of(small, tmp_path / "cut")
        assert bool(files.checkpoints) == (moment >= 2)
        assert trained(small, tmp_path / "cut", **changes) == whole
        assert files.history == files_of(small, tmp_path / "whole").history
        assert not list(files.work.glob("*/*")), "the checkpoint is not needed any more"


@pytest.mark.parametrize(("losses", "best"), [((3.0, 1.0, 2.0), 4), ((1.0, 1.0, 2.0), 2), ((3.0, 2.0, 1.0), 6)])
@pytest.mark.parametrize("moment", [None, 5])
def test_the_weights_of_the_best_validation_are_saved(
    small, tmp_path: Path, monkeypatch, losses: tuple[float, ...], best: int, moment: int | None
):
    """Of equally good ones the first; also where training was stopped after it."""
    weights = {}

    def validate(self, chains):
        number = len(weights) + 1 if moment is None else self.optimizer.state_dict()["state"][0]["step"].item() / 2
        weights[2 * number] = self.network.head.state_dict()["pairs.project.weight"].clone()
        return Validation(loss=losses[int(number) - 1], distance_error=None)

    monkeypatch.setattr(TrainingStep, "validate", validate)
    changes = {"train": {"validate_every": 2, "checkpoint_every": 1}}
    if moment is not None:
        stop_after(moment, monkeypatch, small, tmp_path, **changes)
    trained(small, tmp_path, **changes)
    files = files_of(small, tmp_path)
    assert [row.step for row in files.history if row.saved] == [best]
    assert SavedRun.read(files.outputs.record).saved_step == best
    saved = load_file(files.outputs.model / "head.safetensors")["pairs.project.weight"]
    assert torch.equal(saved, weights[best])


def test_without_validation_chains_the_last_weights_are_saved(small, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(TrainingStep, "validate", lambda self, chains: Validation(loss=None, distance_error=None))
    trained(small, tmp_path)
    assert [row.saved for row in files_of(small, tmp_path).history] == [False, True]


def test_epochs_are_counted_in_steps(small, tmp_path: Path):
    steps = round(2 * len(read_subset(small.split, "train")) / 4)
    settings = run_of()
    for name, counted in (("epochs", {"epochs": 2.0}), ("steps", {"steps": steps})):
        files = files_of(small, tmp_path / name)
        files.train(settings.model_copy(update={"train": settings.train.model_copy(update=counted)}))
        assert files.history[-1].step == steps
    heads = [(tmp_path / name / "model" / "head.safetensors").read_bytes() for name in ("epochs", "steps")]
    assert heads[0] == heads[1]


def test_stored_and_computed_distances_give_the_same_loss(small, tmp_path: Path, caplog):
    histories = []
    for distances in ("stored", "computed"):
        with caplog.at_level(logging.INFO):
            trained(small, tmp_path / distances, train={"distances": distances, "tuning": "lora"})
        histories.append(files_of(small, tmp_path / distances).history)
    for stored, computed in zip(*histories, strict=True):
        assert stored.train_loss == pytest.approx(computed.train_loss, abs=1e-3)
        assert stored.val_loss == pytest.approx(computed.val_loss, abs=1e-3)
        assert stored.train_loss != computed.train_loss, "float16 is read"
    assert sum(f"MB from {small.distances[0]}" in message for message in caplog.messages) == 2


def test_a_chain_without_stored_distances_is_named(small, tmp_path: Path):
    files = files_of(small, tmp_path)
    lacking = Shards(tmp_path / "lacking", len(small.distances))
    gone = sorted(read_subset(small.split, "train"))[0]
    for old, new in zip(small.distances, lacking, strict=True):
        DISTANCES.write(new, (row for row in DISTANCES.read(old) if row.chain_id != gone))
    other = replace(files, inputs=replace(files.inputs, distances=lacking))
    with pytest.raises(DataError, match=f"^{gone} has no stored distances in {tmp_path / 'lacking'}; "):
        other.train(run_of(train={"distances": "stored"}))


def test_saved_weights_have_the_permissions_of_any_new_file(small, tmp_path: Path):
    (tmp_path / "new").touch()
    trained(small, tmp_path / "run")
    folders = (files_of(small, tmp_path / "run").outputs.model, small.backbone.parent)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".safetensors" for path in files)
    assert {path.stat().st_mode for path in files} == {(tmp_path / "new").stat().st_mode}


def test_a_run_that_could_not_be_saved_keeps_its_checkpoint(small, tmp_path: Path, monkeypatch):
    def failing(*args, **options):
        raise OSError("no space left on device")

    monkeypatch.setattr("pipeline.train.save_network", failing)
    with pytest.raises(OSError, match="no space"):
        trained(small, tmp_path)
    assert files_of(small, tmp_path).checkpoints


def test_kill_9_in_the_middle_leaves_a_checkpoint_to_go_on_from(small, tmp_path: Path):
    files = files_of(small, tmp_path)
    settings = run_of(train={"steps": 2000, "checkpoint_every": 5, "validate_every": 2000})
    command = process(files.command(settings))
    first = subprocess.Popen(**command, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not files.checkpoints:
        assert first.poll() is None and time.monotonic() < deadline, "training wrote no checkpoint"
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    again = subprocess.Popen(**command, stderr=subprocess.PIPE)
    for line in again.stderr:
        if "going on from the checkpoint of step" in line:
            break
    else:
        pytest.fail("the second run did not go on")
    again.kill()
    again.communicate()


def test_a_run_whose_time_is_over_ends_with_the_code_that_says_start_me_again(small, tmp_path: Path):
    command = files_of(small, tmp_path).command(run_of(train={"max_minutes": 1e-9}))
    done = subprocess.run(**process(command), capture_output=True)
    assert done.returncode == 75
    assert done.stderr.splitlines()[-1] == "error: a: train.max_minutes is over at step 1; start again to go on"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"something else" * 100)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "damaged"), [(cut, 1), (empty, 1), (overwrite, 1), (flip_a_bit, 1), (flip_a_bit, 2)]
)
def test_a_damaged_checkpoint_is_set_aside_and_the_result_is_the_same(
    small, tmp_path: Path, monkeypatch, caplog, damage: Callable[[Path], None], damaged: int
):
    whole = trained(small, tmp_path / "whole")
    stop_after(5, monkeypatch, small, tmp_path / "cut")
    (folder,) = (path for path in files_of(small, tmp_path / "cut").work.iterdir() if path.is_dir())
    there = checkpoint.all_of(folder)
    assert [path.name[:17] for path in there] == ["step-000000000002", "step-000000000004"]
    for path in there[-damaged:]:
        damage(path)
    with caplog.at_level("INFO"):
        assert trained(small, tmp_path / "cut") == whole
    assert sum("is damaged and set aside" in text and str(folder) in text for text in caplog.messages) == damaged
    assert ("going on from the checkpoint of step 2" in caplog.messages) == (damaged == 1)
    assert not list(files_of(small, tmp_path / "cut").work.iterdir()), "neither checkpoint nor lock is left"


def test_who_waits_for_a_lock_that_is_deleted_takes_a_new_one(tmp_path: Path):
    """Else two processes would hold the lock of one folder: one of the deleted file, one of the new one."""
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with checkpoint.locked(tmp_path / "run"):
            order.append((tmp_path / "run.lock").exists())

    with checkpoint.locked(tmp_path / "run"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        time.sleep(0.2)
        assert not order
    thread.join(timeout=10)
    assert order == [True] and not (tmp_path / "run.lock").exists()


def test_checkpoints_are_of_use_only_with_the_same_settings_and_inputs(small, tmp_path: Path):
    files = files_of(small, tmp_path)
    for number, changes in enumerate([{}, {"lr": 0.01}, {"distances": "stored"}]):
        with pytest.raises(ResumeError):
            files.train(run_of(train={"max_minutes": 1e-9} | changes))
        assert len(files.checkpoints) == number + 1
    moved = Shards(tmp_path / "moved", len(small.distances))
    for old, new in zip(small.distances, moved, strict=True):
        DISTANCES.write(new, (replace(row, triu=row.triu + 1) for row in DISTANCES.read(old)))
    other = replace(files, inputs=replace(files.inputs, distances=moved))
    for distances, number in (("computed", 3), ("stored", 4)):
        with pytest.raises(ResumeError):
            other.train(run_of(train={"max_minutes": 1e-9, "distances": distances}))
        assert len(files.checkpoints) == number, "distances count where they are read"
    files.train(run_of(train={"lr": 0.02}))
    assert len(files.checkpoints) == 4, "those of other runs stay"


def test_gradient_accumulation_does_not_change_the_result(small, tmp_path: Path):
    for name, pieces in (("one", 1), ("three", 3)):
        trained(small, tmp_path / name, train={"gradient_accumulation": pieces})
    one, three = (files_of(small, tmp_path / name).history for name in ("one", "three"))
    for first, second in zip(one, three, strict=True):
        assert second.train_loss == pytest.approx(first.train_loss, rel=1e-4)
        assert second.val_loss == pytest.approx(first.val_loss, rel=1e-4)


def launched(stage: list[str], kind: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a stage as its rule does, by the launcher and a file of workflow/accelerate."""
    launcher = ["-m", "proteinmtp.training.launch", "--config-file", f"workflow/accelerate/{kind}.yaml", *options]
    return subprocess.run(**process([*launcher, *stage[1:]]), capture_output=True, timeout=300)


def test_two_processes_train_as_one(small, tmp_path: Path):
    history = {}
    for processes, kind in ((1, "cpu"), (2, "multi_cpu")):
        files = files_of(small, tmp_path / str(processes))
        done = launched(files.command(run_of(train={"processes": processes})), kind, "--processes", str(processes))
        assert done.returncode == 0, done.stderr[-2000:]
        assert ("; 2 processes, cpu\n" in done.stderr) == (processes == 2)
        history[processes] = files.history
    for one, two in zip(history[1], history[2], strict=True):
        assert two.train_loss == pytest.approx(one.train_loss, rel=1e-4)
        assert two.val_mae == pytest.approx(one.val_mae, rel=1e-4)


def test_training_makes_the_loss_smaller(small, tmp_path: Path):
    trained(small, tmp_path, train={"steps": 150, "validate_every": 30, "lr": 0.003})
    history = files_of(small, tmp_path).history
    assert history[-1].train_loss < 0.6 * history[0].train_loss


def test_a_run_that_diverges_says_so(small, tmp_path: Path):
    with pytest.raises(DivergedError, match=r"a: loss .* lower train\.lr"):
        trained(small, tmp_path, train={"lr": 1e10, "max_grad_norm": 1e10, "steps": 20})


def test_a_validation_that_diverges_is_not_the_best_one(small, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(TrainingStep, "validate", lambda self, chains: Validation(loss=math.nan, distance_error=1.0))
    with pytest.raises(DivergedError, match=r"a: loss nan .* at step 3; lower train\.lr"):
        trained(small, tmp_path)


def test_a_run_of_no_steps_saves_the_untrained_model(small, tmp_path: Path, caplog):
    with caplog.at_level(logging.INFO):
        assert "head.safetensors" in trained(small, tmp_path, train={"steps": 0})
    assert caplog.messages[-1] == f"saved {tmp_path / 'model'}"


@pytest.mark.slow
def test_lora_twice_in_two_processes_gives_equal_bytes(small, tmp_path: Path):
    hashes = []
    for seed in ("1", "2"):
        files = files_of(small, tmp_path / seed)
        command = process(files.command(run_of(train={"tuning": "lora"})), PYTHONHASHSEED=seed)
        subprocess.run(**command, check=True, capture_output=True)
        hashes.append(directory_hashes(files.outputs.model))
    assert hashes[0] == hashes[1]


def test_a_changed_model_is_not_loaded(small, tmp_path: Path):
    trained(small, tmp_path)
    head = tmp_path / "model" / "head.safetensors"
    head.write_bytes(head.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"head.safetensors is missing or changed"):
        files_of(small, tmp_path).predict(run_of(), chains=small.chains[0], subset="train", table=tmp_path / "p")


def test_every_chain_is_seen_once_in_an_epoch():
    lengths = list(np.random.default_rng(0).integers(30, 500, 96))
    sampler = BatchSampler(lengths, batch_size=8, seed=3)
    first = [sampler.batch(step) for step in range(12)]
    assert sorted(index for batch in first for index in batch) == list(range(96))
    second = [sampler.batch(step) for step in range(12, 24)]
    assert first != second
    assert BatchSampler(lengths, batch_size=8, seed=3).batch(17) == second[5], "a batch depends on the step alone"
    spread = np.mean([np.ptp(np.array(lengths)[batch]) for batch in first])
    assert spread < 0.5 * np.ptp(lengths), "batches hold chains of like length"


def test_processes_share_a_batch_without_loss():
    for world in (1, 2, 3):
        for pieces in (1, 2, 4):
            shares = [share(range(10), rank=rank, world=world, pieces=pieces) for rank in range(world)]
            assert sorted(index for one in shares for piece in one for index in piece) == list(range(10))
            assert len({len(one) for one in shares}) == 1
            assert all(piece for one in shares for piece in one)
    with pytest.raises(ValueError, match="2 chains cannot be shared by 3"):
        share(range(2), rank=0, world=3, pieces=1)


def test_the_learning_rate_rises_then_falls():
    options = run_of(train={"steps": 100, "lr": 1.0, "warmup": 0.1}).train
    rates = [learning_rate(step, options) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) in (9, 10)
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.02
