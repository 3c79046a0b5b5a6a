"""What Snakemake makes of a configuration before any job, on a checkout in which nothing of it is there."""

from pathlib import Path
from typing import Any

import pytest

from ..support.project import SMALL, TINY, write_demo_files
from ..support.stand_in import StandIns, rules

pytestmark = pytest.mark.xdist_group("reruns of settings")


def config(*changes: dict[str, Any]) -> dict[str, Any]:
    """Return the small configuration with top-level keys changed, and results of its own."""
    whole: dict[str, Any] = {**SMALL, "results": "results/plans"}
    for change in changes:
        whole |= change
    return whole


def directory_source(folder: str) -> dict[str, Any]:
    return {"source": {"kind": "directory", "directory": {"path": folder}}}


def table_split(path: str) -> dict[str, Any]:
    return {"split": {"method": "table", "table": {"path": path, "key": "pdbid", "column": "new_split"}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sede": 1}, "sede: unknown key; did you mean 'seed'?"),
        ({"defaults": {"train": {"lr": "1e-4"}}}, "defaults.train.lr: input should be a valid number; found '1e-4'"),
        (directory_source("nowhere"), "source.directory.path: nowhere does not exist"),
        (table_split("nowhere.csv"), "split.table.path: there is no file nowhere.csv"),
        (table_split("docs/lp.csv"), "split.table.key: docs/lp.csv has no column 'pdbid'; it has 'code'"),
        (directory_source("docs"), "source.directory.path: no structure file in docs"),
        ({"source": {"kind": "pdbbind", "pdbbind": {"path": "docs"}}}, "source.pdbbind.path: no index of the general"),
        ({"source": {"kind": "rcsb", "rcsb": {"ids": "nowhere"}}}, "source.rcsb.ids: nowhere cannot be read"),
        ({"defaults": {"train": {"gpus": 16}}}, "train.gpus or backbone.pretrain.gpus asks for 16 GPUs"),
    ],
)
def test_a_mistake_stops_before_any_job_with_one_clear_message(stand_ins: StandIns, change: dict, message: str):
    (stand_ins.folder / "docs" / "lp.csv").write_text("code\n1abc\n")
    done = stand_ins.run(config(change))
    assert done.code != 0 and not done.jobs
    assert done.output.count(message) == 1
    assert "Traceback" not in done.output and 'File "' not in done.output
    assert not list((stand_ins.folder / "results" / "plans").glob("data"))


def test_a_job_is_given_the_gpus_that_its_processes_need_whatever_the_limit_of_the_profile(stand_ins: StandIns):
    whole = config(TINY, {"defaults": {"train": {"gpus": 2}}})
    done = stand_ins.run(whole, "results/plans/runs/distance/model.json", "-n", "-p")
    assert "training.launch" in done.output and "--gpus 2 pipeline train" in done.output, done.output[-3000:]


def test_braces_in_texts_and_paths_stay_as_they_are(stand_ins: StandIns, tmp_path: Path):
    folder = tmp_path / "in_{shard}"
    write_demo_files(folder, 2, 4)
    whole = config(TINY, directory_source(str(folder)), {"report": {"title": "a {x} b {run}"}})
    targets = (f"results/plans/{path}" for path in ("data/chains/000.parquet", "report/index.html"))
    done = stand_ins.run(whole, *targets, "-n", "-p")
    assert done.code == 0, done.output[-3000:]
    assert str(folder) in done.output and "a {x} b {run}" in done.output


def test_999_shards_are_planned(stand_ins: StandIns):
    done = stand_ins.run(config({"parse": {"shards": 999}}), "results/plans/data/split.parquet", "-n")
    assert done.code == 0 and {"manifest", "parse", "split"} <= rules(done.jobs)
    assert sum(job.rule == "parse" for job in done.jobs) == 999


@pytest.mark.slow
def test_999_shards_are_planned_to_the_report(stand_ins: StandIns):
    done = stand_ins.run(config({"parse": {"shards": 999}}), "-n")
    assert done.code == 0 and {"train", "evaluate", "predict_null", "report"} <= rules(done.jobs)


def test_where_memory_is_reserved_training_asks_for_the_time_of_its_steps_and_no_more_than_its_limit(
    stand_ins: StandIns,
):
    def asked(**settings: Any) -> dict[str, int | None]:
        train = {**TINY["runs"][0], "train": {"steps": 10_000, **settings}}
        pretrain = {"when": "tiny", "steps": 10_000, **settings}
        whole = config(TINY, {"runs": [train | {"backbone": {"pretrain": pretrain}}], "results": "results/asked"})
        if not (stand_ins.folder / whole["results"]).exists():
            stand_ins.finished("asked", whole)
        done = stand_ins.run(whole, "-n", "--resources", "mem_mb=1000000", "--forcerun", "pretrain", "train")
        return {job.rule: job.minutes for job in done.jobs}

    free, bound = asked(), asked(max_minutes=5)
    for rule in ("pretrain", "train"):
        assert free[rule] > bound[rule] == 15
