"""On a full disk: one line that says which, and neither a half file nor the loss of what was there."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.__main__ import main
from proteinmtp.base.errors import SpaceError
from proteinmtp.base.files import atomic, write_json
from proteinmtp.base.space import check, why_full, writing
from proteinmtp.config import DemoSource
from proteinmtp.structures.synthetic import write_demo
from proteinmtp.tables.distances import DISTANCES, DistanceRow
from proteinmtp.training import checkpoint

from ..support.networks import run_of
from ..support.room import no_file_above, small_disk
from ..support.trained_runs import files_of

ROOM = 4096


def large_table(path: Path) -> None:
    triu = np.random.default_rng(0).normal(size=300 * 299 // 2).astype(np.float16)
    DISTANCES.write(path, [DistanceRow(chain_id=f"a{number}", length=300, triu=triu) for number in range(4)])


def large_json(path: Path) -> None:
    write_json(path, list(range(10_000)))


def large_text(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("x" * 100_000)


@pytest.mark.parametrize("write", [large_table, large_json, large_text])
def test_a_file_without_room_is_named_and_the_old_one_stays(write, tmp_path: Path):
    path = tmp_path / "results" / "file"
    path.parent.mkdir()
    path.write_text("old")
    with no_file_above(ROOM), pytest.raises(SpaceError, match=rf"{path} was not written \([\d.,]+ MB of .* are free\)"):
        write(path)
    assert path.read_text() == "old" and list(path.parent.iterdir()) == [path]
    write(path)
    assert path.stat().st_size > ROOM


def test_the_demo_notices_that_its_files_are_cut_short(tmp_path: Path):
    """Of what gemmi writes itself nobody would."""
    with no_file_above(ROOM), pytest.raises(SpaceError), writing(tmp_path):
        write_demo(tmp_path / "demo", DemoSource(families=2, members=4), 0)


def test_training_without_room_for_a_checkpoint_goes_on_from_the_one_before(small, tmp_path: Path, monkeypatch, caplog):
    caplog.set_level("INFO")
    settings = run_of(train={"steps": 6, "checkpoint_every": 2, "validate_every": 3})
    files_of(small, tmp_path / "whole").train(settings)
    save, files = checkpoint.save, files_of(small, tmp_path / "full")

    def save_once(folder: Path, *arguments, **options) -> None:
        with no_file_above(ROOM if checkpoint.all_of(folder) else 2**40):
            save(folder, *arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(SpaceError, match=r"work/a-\w+ was not written"):
        patch.setattr(checkpoint, "save", save_once)
        files.train(settings)
    assert [path.name for path in files.work.glob("*/*")] == [path.name for path in files.checkpoints]
    files.train(settings)
    assert "going on from the checkpoint of step 2" in caplog.messages
    assert files.outputs.record.read_bytes() == files_of(small, tmp_path / "whole").outputs.record.read_bytes()


def test_a_stage_on_a_full_disk_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    files, structures = tmp_path / "files.json", tmp_path / "structures"
    options = '{"demo": {"families": 2, "members": 4}, "seed": 0}'
    arguments = ["demo", "--files", str(files), "--structures", str(structures), "--options", options]
    monkeypatch.setattr("sys.argv", ["pipeline", *arguments])
    with no_file_above(ROOM), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 74
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(f"error: the limit for the size of a file is reached: {files} was not written (")
    assert line.endswith("and start again: what is done is kept") and not files.exists()


def test_a_full_disk_is_told_from_one_with_room(tmp_path: Path):
    with small_disk(tmp_path / "disk", 2) as disk:
        check(disk, tmp_path / "nowhere")
        with pytest.raises(SpaceError, match="no space is left on the disk") as raised, writing(disk / "a"):
            (disk / "a").write_bytes(bytes(4 * 2**20))
        assert isinstance(raised.value.__cause__, OSError)
        with pytest.raises(SpaceError, match=rf"the disk of {disk} is full \(0.0 MB of 2.1 MB are free\)"):
            check(tmp_path, disk)


def test_libraries_that_have_errors_of_their_own_are_understood(tmp_path: Path):
    with no_file_above(ROOM), pytest.raises(Exception) as raised:
        torch_file = tmp_path / "a.safetensors"
        checkpoint.save_file({"a": torch.zeros(10_000)}, torch_file)
    assert not isinstance(raised.value, OSError) and why_full(raised.value) is not None
    assert why_full(ValueError("of another kind")) is None
