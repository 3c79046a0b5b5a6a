"""A workflow that is finished as far as Snakemake can tell, though nothing ran.

Outputs are placeholders, each with its own name as content. What Snakemake keeps of a finished job, its settings, its
code, its inputs and their checksums, it wrote itself: `snakemake --touch` takes outputs that are there as made.
"""

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from .dry_runs import DryRun, DryRuns, Job
from .project import copy_project
from .rerun_data import write_data


class StandIn:
    """A configuration in a checkout of its own, finished; see above.

    Parameters:
        folder: of the checkout, in which `process` runs.
        process: for Snakemake.
        name: of the project.
        config: of the project, in which nothing need be set that has its default.
    """

    def __init__(self, folder: Path, process: DryRuns, name: str, config: Mapping[str, Any]):
        self.name, self.folder, self._process = name, folder, process
        self.config = config
        self.jobs = self.planned()
        assert self.jobs
        for job in self.jobs:
            for path in job.output:
                place(folder / path, path)
        self._run("--touch", "--forceall")

    def planned(self, config: Mapping[str, Any] | None = None, *targets: str) -> frozenset[Job]:
        """Return the jobs that would run now, with another configuration if one is given."""
        return self._run(*targets, "-n", config=config)

    def touch(self, *arguments: str) -> None:
        """Let Snakemake take jobs as done that are planned with these arguments, though none runs."""
        self._run(*arguments, "--touch")

    def after(self, begun: Iterable[Job]) -> frozenset[Job]:
        """Return jobs and all that read, directly or not, what they write."""
        reached, todo = set[Job](), list(begun)
        while todo:
            job = todo.pop()
            if job not in reached:
                reached.add(job)
                todo.extend(other for other in self.jobs if not set(job.output).isdisjoint(other.input))
        return frozenset(reached)

    def _run(self, *arguments: str, config: Mapping[str, Any] | None = None) -> frozenset[Job]:
        text = yaml.safe_dump(dict(config or self.config))
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")
        done = self._process.run(*arguments)
        assert done.code == 0, done.output[-4000:]
        return frozenset(done.jobs)


def place(path: Path, content: str) -> None:
    """Write a placeholder for an output: a table, a text, or, where the name has no suffix, a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"content": [content]}), path)
    elif path.suffix:
        path.write_text(content, encoding="utf-8")
    else:
        path.mkdir(exist_ok=True)


@contextmanager
def changed_file(path: Path, content: bytes | None) -> Iterator[None]:
    """Give a file other content, or none at all, for a while; then it is as it was, and as old."""
    before = (path.read_bytes(), path.stat()) if path.exists() else None
    try:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before[0])
            os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))


COMPARED = ("rule", "input", "log", "params", "code", "conda_env", "container_img_url", "software_stack_hash")


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what Snakemake keeps of each output in a folder where it ran, as far as it is compared later.

    Of the inputs with a checksum the names are returned.
    """
    base = folder / ".snakemake" / "metadata"
    kept = {}
    for path in (path for path in base.rglob("*") if path.is_file()):
        key = "".join(part.removeprefix("@") for part in path.relative_to(base).parts)
        record = json.loads(path.read_text(encoding="utf-8"))
        checked = {"checked": sorted(record["input_checksums"])}
        kept[base64.urlsafe_b64decode(key).decode()] = {name: record[name] for name in COMPARED} | checked
    return kept


def rules(jobs: Iterable[Job]) -> set[str]:
    """Return the rules of jobs."""
    return {job.rule for job in jobs}


def runs(jobs: Iterable[Job]) -> set[str]:
    """Return the runs, comparators and nulls that jobs belong to."""
    named = {"run", "comparator", "null", "scored", "shown"}
    return {value for job in jobs for name, value in job.wildcards if name in named}


class StandIns:
    """A checkout with the projects under `tests/golden/reruns`, each finished when it is asked for first; a context."""

    def __init__(self, root: Path, folder: Path):
        folder.mkdir()
        self._projects = root / "tests" / "golden" / "reruns"
        self.folder = folder
        checkout = copy_project(root, folder, compiled=False)
        write_data(folder)
        self._process = DryRuns(folder, checkout.environment() | {"CUDA_VISIBLE_DEVICES": "0"})
        self._made: dict[str, StandIn] = {}

    def __enter__(self) -> "StandIns":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.close()

    def of(self, project: str) -> StandIn:
        """Return a project by its name."""
        if project not in self._made:
            config = yaml.safe_load((self._projects / f"{project}.yaml").read_text(encoding="utf-8"))
            self._made[project] = self.finished(project, config | {"results": f"results/{project}"})
        return self._made[project]

    def finished(self, name: str, config: Mapping[str, Any]) -> StandIn:
        """Return a finished project of another configuration."""
        return StandIn(self.folder, self._process, name, config)

    def run(self, config: Mapping[str, Any], *arguments: str) -> DryRun:
        """Return how snakemake ends with a configuration, of which nothing is finished."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
        return self._process.run(*arguments)
