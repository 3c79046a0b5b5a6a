"""Write down what the results come from: code, versions, settings, hashes of what was read and made, costs of jobs."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

from proteinmtp.base.files import file_sha256
from proteinmtp.base.gpus import visible_gpus
from proteinmtp.config import Config, Section
from proteinmtp.tables.benchmarks import read_jobs
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.run_manifest import Combined, JobCost, Machine, Made, RunManifest
from proteinmtp.tables.shards import Shards

HOUSE = Path(__file__).resolve().parents[1]
DIRTY = "-dirty"
"""What git appends to the commit of a checkout with changes."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The files that were read; what was made is named in the options."""

    manifest: Annotated[Shards, "shards of the manifest of structure files"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    run_manifest: Annotated[Path, "JSON"]


class Options(Section):
    """The configuration, the seed of each training, and what was made.

    `tables` are folders of as many shards as `shards` says, `files` single files, `folders` those that are one output
    with all that lies in them; all as paths in the folder `results`. `inputs` has hashes of what is read beside the
    structure files. `commit` is that of the checkout, "" if it is none of git.
    """

    config: Config
    seeds: dict[str, int]
    shards: int
    tables: list[str]
    files: list[str]
    folders: list[str]
    inputs: dict[str, str]
    results: str
    commit: str = ""


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Hash what was made and write the manifest."""
    structures = Combined()
    for row in MANIFEST.read(*inputs.manifest):
        structures.add(row.entry_id, row.sha256)
    results = Path(options.results)
    RunManifest(
        commit=options.commit.removesuffix(DIRTY),
        dirty=options.commit.endswith(DIRTY),
        locks={path.name: file_sha256(path) for path in sorted(HOUSE.glob("requirements*.lock"))},
        versions={"python": platform.python_version(), **dict(_versions())},
        machine=Machine(
            system=platform.platform(),
            processor=platform.machine(),
            cores=os.cpu_count() or 1,
            gpus=visible_gpus(),
        ),
        config=options.config,
        seeds=options.seeds,
        inputs=options.inputs | {"source": structures.digest()},
        input_files=structures.count,
        outputs={name: Made.of(results / name) for name in sorted(_made(options))},
        jobs=[
            JobCost(job=job.name, seconds=job.seconds, cpu_seconds=job.cpu_seconds, max_rss_mb=job.max_rss_mb)
            for job in read_jobs(results / "benchmarks")
        ],
    ).write(outputs.run_manifest)


def _made(options: Options) -> Iterator[str]:
    """Yield the paths of all outputs in the results."""
    yield from options.files
    yield from options.folders
    for table in options.tables:
        yield from (f"{table}/{shard:03d}.parquet" for shard in range(options.shards))


def _versions() -> Iterator[tuple[str, str]]:
    """Yield the packages of the locks that are installed, with their versions."""
    for lock in sorted(HOUSE.glob("requirements*.lock")):
        for line in lock.read_text(encoding="utf-8").splitlines():
            name, pinned, _ = line.partition("==")
            if pinned:
                try:
                    yield name, version(name)
                except PackageNotFoundError:
                    continue
