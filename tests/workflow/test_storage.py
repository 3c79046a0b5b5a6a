"""Structures from a bucket, results to a bucket: what lies here is no more than copies."""

import shutil
from pathlib import Path

import pytest

from ..support.project import TINY, Project, write_demo_files
from ..support.storage import Bucket

SHARDS = {"parse": {"shards": 2}}


@pytest.fixture
def stored(project: Project, bucket: Bucket, tmp_path: Path) -> Project:
    """A project whose structures and results are in the bucket."""
    write_demo_files(tmp_path / "demo", families=2, members=8)
    for path in (tmp_path / "demo").iterdir():
        bucket.put(**{f"structures/{path.name}": path.read_bytes()})
    source = {"kind": "bucket", "bucket": {"url": f"s3://{bucket.name}/structures"}}
    project.configure(TINY, SHARDS, {"source": source})
    project.always += ["--profile", "profiles/s3", "--default-storage-prefix", f"s3://{bucket.name}/mine"]
    return project


def forget_copies(project: Project) -> None:
    shutil.rmtree(project.folder / ".snakemake" / "storage")


def results_of(bucket: Bucket) -> set[str]:
    return {key.removeprefix("mine/results/") for key in bucket.holds() if key.startswith("mine/")}


def test_a_bucket_is_parsed_into_a_bucket_and_a_new_object_reruns_one_shard(
    stored: Project, bucket: Bucket, tmp_path: Path
):
    done = stored.snakemake("-U", "parse")
    assert done.returncode == 0, done.stdout[-4000:]
    made = {f"data/{table}/00{shard}.parquet" for table in ("manifest", "chains", "quarantine") for shard in (0, 1)}
    assert made <= results_of(bucket)
    assert [path.name for path in (stored.folder / "results").iterdir()] == ["README.md"]
    forget_copies(stored)
    write_demo_files(tmp_path / "more", families=2, members=9)
    new = next(path for path in (tmp_path / "more").iterdir() if path.stem.endswith("m008"))
    bucket.put(**{f"structures/{new.name}": new.read_bytes()})
    assert stored.planned_jobs("-U", "parse") == {"manifest": 1, "parse": 1}


@pytest.mark.slow
def test_all_results_are_in_the_bucket_and_no_job_reads_what_it_does_not_name(stored: Project, bucket: Bucket):
    for stage in ("split", "train", "package", "reconstruct"):
        done = stored.snakemake("-U", stage)
        assert done.returncode == 0, done.stdout[-4000:]
        forget_copies(stored)  # so what comes next finds what it names and nothing else
    done = stored.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"Report: s3://{bucket.name}/mine/results/report/index.html" in done.stdout
    files = ("model.json", "model/head.safetensors", "artefact/proteinmtp.json", "artefact/model/head.safetensors")
    kept = {f"runs/distance/{file}" for file in files}
    assert {"report/index.html", "logs/train/distance.log", *kept} <= results_of(bucket)
    assert [path.name for path in (stored.folder / "results").iterdir()] == ["README.md"]
    forget_copies(stored)
    assert stored.planned() == set()
