"""`python -m pipeline`: flags from the fields of a stage, one line and a documented exit code for a mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import THREADS
from pipeline.__main__ import stages_behind
from proteinmtp.base.errors import UserError
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.shards import Shards

from ..support.small import SmallData

STAGES = ("chirality", "distances", "evaluate", "fit_null", "predict", "reconstruct", "split", "train")


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_a_stage_runs_by_hand_and_its_help_names_every_file(root: Path, small: SmallData, tmp_path: Path):
    done = run(root, "distances", "--help")
    assert done.returncode == 0 and "--chains PATH" in done.stdout and "keys: none" in done.stdout
    output = tmp_path / "distances.parquet"
    done = run(root, "distances", "--chains", str(small.chains[0]), "--distances", str(output))
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == small.distances[0].read_bytes() and list(DISTANCES.read(output))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], 2, "invalid choice: 'nonsense'"),
        (["distances"], 2, "required: --chains, --distances"),
        (["distances", "--chains", "nowhere", "--distances", "x"], 65, "error: --chains: there is no nowhere"),
        (["demo", "--files", "x", "--structures", "y", "--options", "{"], 2, "error: --options: no JSON"),
        (["demo", "--files", "x", "--structures", "y", "--options", '{"sede": 1}'], 2, "did you mean 'seed'?"),
        (["split", "--chains", "results", "--quarantine", "x:1", "--split", "s", "--summary", "t"], 2, "FOLDER:COUNT"),
    ],
)
def test_a_mistake_ends_in_one_line_and_its_exit_code(root: Path, arguments: list[str], code: int, message: str):
    done = run(root, *arguments)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr


def test_debug_shows_where_a_mistake_was_met(root: Path):
    done = run(root, "distances", "--chains", "nowhere", "--distances", "x", "--debug")
    assert done.returncode == 65 and "Traceback" in done.stderr and done.stderr.endswith("there is no nowhere\n")


def test_a_single_setting_may_have_a_flag_of_its_own(root: Path, tmp_path: Path):
    files, options = tmp_path / "files.json", json.dumps({"demo": {"families": 2, "members": 4}})
    arguments = ["--files", str(files), "--structures", str(tmp_path / "demo"), "--options", options]
    assert run(root, "demo", *arguments).returncode == 2, "the seed is missing"
    assert run(root, "demo", *arguments, "--seed", "3").returncode == 0
    assert json.loads(files.read_text())["files"]


def test_the_stages_behind_a_file_are_those_that_an_edit_reruns(root: Path):
    library = root / "proteinmtp"
    assert stages_behind(library / "splitting" / "assign.py", STAGES) == ["split"]
    assert stages_behind(library / "geometry" / "refine.py", STAGES) == ["reconstruct"]
    assert stages_behind(library / "model" / "heads" / "coords.py", STAGES) == [
        "predict, with coords",
        "train, with coords",
    ]
    assert stages_behind(library / "config" / "train.py", STAGES) == []
    constants = dict(line.split(": ") for line in stages_behind(library / "geometry" / "constants.py", STAGES))
    assert "CLASH" in constants["evaluate"] and "CLASH" not in constants["train"] and constants["distances"] == "none"
    with pytest.raises(UserError, match="is no module of"):
        stages_behind(root / "README.md", STAGES)


def test_shards_are_a_folder_and_a_number_and_nothing_beyond_it():
    shards = Shards.parse("some:where/chains:3")
    assert str(shards) == "some:where/chains:3" and len(shards) == 3
    assert [path.name for path in shards] == ["000.parquet", "001.parquet", "002.parquet"]
    assert shards[-1].name == "002.parquet" and [path.name for path in shards[1:]] == ["001.parquet", "002.parquet"]
    with pytest.raises(IndexError):
        shards[3]
    for text in ("chains", ":3", "chains:", "chains:x"):
        with pytest.raises(UserError, match="FOLDER:COUNT"):
            Shards.parse(text)


THREADS_OF_A_STAGE = """
import json
from pipeline import __main__
import numba, polars, pyarrow, torch
from threadpoolctl import threadpool_info
import numpy, scipy.linalg
counts = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
counts |= {"pyarrow": pyarrow.cpu_count(), "polars": polars.thread_pool_size()}
counts |= {"numba": numba.get_num_threads(), "torch": torch.get_num_threads()}
print(json.dumps(counts))
"""


@pytest.mark.parametrize("given", [{}, {"OMP_NUM_THREADS": "2"}])
def test_every_library_takes_as_many_threads_as_the_job_has(root: Path, given: dict[str, str]):
    of_tests = {"OMP_NUM_THREADS", *THREADS}
    environment = {name: value for name, value in os.environ.items() if name not in of_tests} | given
    done = subprocess.run(
        [sys.executable, "-c", THREADS_OF_A_STAGE], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert len(counts) > 5 and set(counts.values()) == {int(given.get("OMP_NUM_THREADS", 1))}, counts
