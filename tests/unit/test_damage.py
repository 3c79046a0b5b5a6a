"""No stage takes a damaged or changed file for what another stage wrote: one line that names it, never a traceback."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import file_sha256
from proteinmtp.tables.chains import CHAINS

from ..support.command import proteinmtp
from ..support.damage import DAMAGES, Job, flip_a_bit, jobs, swap_columns
from ..support.small import SmallData


@pytest.fixture(scope="module")
def stages(small: SmallData, tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    return jobs(small, tmp_path_factory.mktemp("stages"))


def check(stages: list[Job], folder: Path, *, times: int, seed: int) -> int:
    """Damage each file that each stage is given, so many times in each way; return how often that was noticed.

    What a stage does not read of its files it cannot notice; then its outputs are the same.
    """
    rng = np.random.default_rng(seed)
    count = 0
    for job in stages:
        written = job.written()
        for name, path in job.read():
            for damage in DAMAGES:
                for _ in range(times):
                    changed, copy = job.with_copy(name, path, folder / "copy")
                    damage(copy, rng)
                    where = f"{job.name}, {name}, {damage.__name__}"
                    assert file_sha256(copy) != file_sha256(path), where
                    try:
                        changed.run()
                    except DataError as error:
                        message = str(error)
                        assert str(copy) in message and "\n" not in message, (where, message)
                        assert "delete it" in message, (where, message)
                        count += 1
                    else:
                        assert job.written() == written, f"{where}: not noticed"
    return count


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_every_stage_names_a_damaged_file_that_it_reads(stages: list[Job], tmp_path: Path, times: int):
    """Some hundred damaged files, and among the slow tests more than a thousand."""
    assert check(stages, tmp_path, times=times, seed=times) > 100 * times


def test_a_table_that_another_program_wrote_anew_is_no_table_of_a_stage(small: SmallData, tmp_path: Path):
    (tmp_path / "t.parquet").write_bytes(small.chains[0].read_bytes())
    swap_columns(tmp_path / "t.parquet", np.random.default_rng(0))
    with pytest.raises(DataError, match="was changed by another one; a table of chains is expected"):
        list(CHAINS.read(tmp_path / "t.parquet"))


def test_verify_names_what_is_not_as_it_was_written(small: SmallData, tmp_path: Path):
    results = tmp_path / "results"
    shutil.copytree(small.folder, results)
    (results / "backbone" / "backbone.json").rename(results / "backbone" / "model.json")
    (results / "files.json").rename(results / "data" / "demo" / "files.json")
    (results / "work").mkdir(exist_ok=True)
    (results / "work" / "cache.json").write_text("not of interest")
    done = proteinmtp("verify", results)
    assert done.exit_code == 0 and "files are as they were written" in done.stdout
    rng = np.random.default_rng(0)
    weights, structure = (
        results / "backbone/model/model.safetensors",
        next((results / "data/demo/structures").iterdir()),
    )
    changed = [results / "chains" / "001.parquet", results / "split.json", weights, structure]
    for path in changed:
        flip_a_bit(path, rng)
    done = proteinmtp("verify", results)
    assert done.exit_code == 65 and done.stderr.startswith("error: 4 of ")
    assert all(any(str(path) in line for line in done.stdout.splitlines()) for path in changed)
    assert len(done.stdout.splitlines()) == 4
    (tmp_path / "empty").mkdir()
    assert "name a results folder" in proteinmtp("verify", tmp_path / "empty").stderr
