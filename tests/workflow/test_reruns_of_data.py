"""What other data, and other or missing results, run again; see `support/stand_in.py`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.dry_runs import Job
from ..support.stand_in import StandIn, StandIns, changed_file, place, rules, runs

pytestmark = pytest.mark.xdist_group("reruns of code and data")

PROJECTS = ("demo", "directory", "pdbbind", "rcsb", "table", "models")
ALL_RULES = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "pipeline").glob("[!_]*.py"))


def after(stand_in: StandIn, begun: Callable[[Job], bool]) -> frozenset[Job]:
    """Return the jobs of a project that begin with some."""
    jobs = [job for job in stand_in.jobs if begun(job)]
    assert jobs
    return stand_in.after(jobs)


def files_below(*folders: Path) -> list[Path]:
    return [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and ".snakemake" not in path.parts
    ]


@pytest.mark.parametrize("project", PROJECTS)
def test_a_touch_of_all_inputs_and_of_the_code_runs_nothing(stand_ins: StandIns, project: str):
    stand_in = stand_ins.of(project)
    results = stand_in.folder / "results"
    touched = [path for path in files_below(stand_in.folder) if not path.is_relative_to(results)]
    assert {"config.yaml", "mine.fasta", "Snakefile", "split.csv", "ids.txt"} <= {path.name for path in touched}
    for path in touched:
        path.touch()
    assert not stand_in.planned()


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_touch_of_results_runs_nothing(stand_ins: StandIns, rule: str):
    stand_in = stand_ins.of("demo")
    for job in stand_in.jobs:
        if job.rule == rule:
            for path in job.output:
                (stand_in.folder / path).touch()
    assert not stand_in.planned()


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_file_that_is_gone_is_made_again_though_the_report_is_there(stand_ins: StandIns, rule: str):
    stand_in = stand_ins.of("demo")
    job = min((job for job in stand_in.jobs if job.rule == rule), key=str)
    path = next(path for path in map(stand_in.folder.joinpath, job.output) if path.is_file())
    with changed_file(path, None):
        assert stand_in.planned() == stand_in.after([job])


def shard_of(stand_in: StandIn, name: str) -> str:
    """Return the shard of a structure file, as the workflow finds it when the file is gone."""
    with changed_file(stand_in.folder / "structures" / name, None):
        (shard,) = {dict(job.wildcards)["shard"] for job in stand_in.planned() if job.rule == "manifest"}
    return shard


def test_a_file_of_a_folder_that_is_new_changed_or_gone_runs_its_shard_alone(stand_ins: StandIns):
    stand_in = stand_ins.of("directory")
    folder = stand_in.folder / "structures"
    present = sorted(path.name for path in folder.glob("f*.pdb"))
    shards = {name: shard_of(stand_in, name) for name in present}
    assert set(shards.values()) == {"000", "001"}, "of files in both"
    for name, shard in shards.items():
        content = (folder / name).read_bytes()
        expected = after(
            stand_in, lambda job, shard=shard: job.rule == "manifest" and ("shard", shard) in job.wildcards
        )
        alone = {job for job in expected if job.rule in ("manifest", "parse", "distances")}
        assert len(alone) == 3
        for other in (None, content + b"\nREMARK another file\n"):
            with changed_file(folder / name, other):
                assert stand_in.planned() == expected
    with changed_file(folder / "new.pdb", content + b"REMARK new\n"):
        planned = stand_in.planned()
        (shard,) = {dict(job.wildcards)["shard"] for job in planned if job.rule == "parse"}
        assert planned == after(stand_in, lambda job: job.rule == "manifest" and ("shard", shard) in job.wildcards)
    with changed_file(folder / "notes.txt", b"no structure"):
        assert not stand_in.planned()


WITH = "train predict reconstruct package evaluate view report provenance"


@pytest.mark.parametrize(
    ("project", "file", "old", "new", "rerun", "of"),
    [
        ("demo", "mine.fasta", "\n", "\r\n", "", ""),
        ("demo", "mine.fasta", "MKVL", "MKVV", "fold fold_summary report provenance", "system full trace"),
        ("table", "split.csv", "f00m000,train,", '"f00m000",train,', "", ""),
        ("table", "split.csv", "f00m000,train,", "f00m000,val,", f"split chirality fit_null predict_null {WITH}",
         "all"),
        ("rcsb", "ids.txt", "1abc 2abc", "# Mine\n2abc, 1abc", "", ""),
        ("models", "learnt.fasta", "MKVL", "MKVV", f"pretrain {WITH}", "path esm"),
        ("models", "a_model/config.json", "}", ', "more": 1}', f"backbone pretrain {WITH}", "path own"),
    ],
)  # fmt: skip
def test_of_a_users_file_what_is_read_counts(
    stand_ins: StandIns, project: str, file: str, old: str, new: str, rerun: str, of: str
):
    stand_in = stand_ins.of(project)
    text = (stand_in.folder / file).read_text(encoding="utf-8")
    assert old in text
    with changed_file(stand_in.folder / file, text.replace(old, new).encode()):
        planned = stand_in.planned()
    assert rules(planned) == set(rerun.split())
    assert runs(planned) == (runs(stand_in.jobs) if of == "all" else set(of.split()))


def test_a_file_of_a_pdbbind_tree_or_a_comparator_that_is_other_or_gone_counts(stand_ins: StandIns):
    for project, file, first in (
        ("pdbbind", "pdbbind/1a01/1a01_protein.pdb", "manifest"),
        ("demo", "elsewhere/f00m000.pdb", "comparator"),
    ):
        stand_in = stand_ins.of(project)
        path = stand_in.folder / file
        for other in (None, path.read_bytes() + b"REMARK other\n"):
            with changed_file(path, other):
                planned = stand_in.planned()
            begun = {job for job in planned if job.rule == first}
            assert len(begun) == 1 and planned == stand_in.after(begun)


def trained(stand_in: StandIn) -> Job:
    (job,) = (job for job in stand_in.jobs if str(job) == "train system")
    return job


def test_a_retrain_that_gives_the_same_weights_ends_there(stand_ins: StandIns):
    stand_in = stand_ins.of("demo")
    job = trained(stand_in)
    stand_in.touch(job.output[0], "--forcerun", "train")
    newest = max(path.stat().st_mtime_ns for path in (stand_in.folder / "results/demo/report").iterdir())
    record = stand_in.folder / job.output[0]
    assert record.name == "model.json" and record.stat().st_mtime_ns > newest, "it is made anew"
    assert not stand_in.planned()


def test_a_retrain_that_gives_other_weights_does_not(stand_ins: StandIns):
    stand_in = stand_ins.of("demo")
    job = trained(stand_in)
    with changed_file(stand_in.folder / job.output[0], b"other weights"):
        stand_in.touch(job.output[0], "--forcerun", "train")
        assert stand_in.planned() == stand_in.after([job]) - {job}
    stand_in.touch(job.output[0], "--forcerun", "train")
    assert not stand_in.planned()


def test_after_a_retrain_that_was_killed_the_report_is_asked_for_again(stand_ins: StandIns):
    """Snakemake deletes the outputs of a job that fails, and only those."""
    stand_in = stand_ins.of("demo")
    job = trained(stand_in)
    record, history, model = (stand_in.folder / path for path in job.output)
    shutil.rmtree(model)
    with changed_file(record, None), changed_file(history, None):
        assert (stand_in.folder / "results/demo/report/index.html").is_file()
        planned = stand_in.planned()
    place(model, "")
    assert planned == stand_in.after([job]) and "report" in rules(planned)
