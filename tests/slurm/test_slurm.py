"""The workflow on a cluster of two nodes: jobs in SLURM, training that is requeued, and training over both nodes."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from proteinmtp.base.files import directory_hashes, file_sha256

from ..support.project import SMALL, TINY, Project, copy_project
from ..support.small import SMALL_RUN
from .cluster import Cluster, cluster, missing

pytestmark = pytest.mark.slurm

TRAIN = {**SMALL_RUN["train"], "steps": 300, "checkpoint_every": 20, "validate_every": 100}
CONFIG: dict[str, Any] = SMALL | TINY | {"defaults": SMALL_RUN | {"train": TRAIN}}
"""The demo with two families, one run that trains long enough to be stopped, and one null."""

FULL = os.environ.get("DEMO") == "full"
PROFILE = ["--workflow-profile", "slurm", "--slurm-status-command", "squeue", "--slurm-no-account"]
PROFILE += ["--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "20"]

BEFORE = "demo manifest parse distances split backbone chirality fit_null predict_null"
AFTER = "predict package reconstruct evaluate view report provenance"
GROUPS = [f"{rule}={group}" for group, rules in (("before", BEFORE), ("after", AFTER)) for rule in rules.split()]
"""For the small configuration three submissions, since most of the time of its jobs is Snakemake's own."""

WRITTEN_ANEW = {"logs", "benchmarks", "work", ".lock", ".jobs.lock"}
"""In a results folder, what says when and where something ran, and is no result."""
TIMED = {"report/index.html", "report/run_manifest.json"}
"""Results that also say what each stage cost."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with cluster(cpus=4) as running:
        yield running


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The small configuration; with DEMO=full that of the checkout, which is the demo."""
    return {} if FULL else CONFIG


class Alone:
    """The workflow on this machine, without SLURM, while others run; `finished` waits until it is done."""

    def __init__(self, project: Project):
        self._project, self._log = project, project.folder / "output.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                project.command(), cwd=project.folder, env=project.environment(), stdout=log, stderr=subprocess.STDOUT
            )

    def finished(self) -> Project:
        assert self.process.wait(timeout=3600) == 0, self._log.read_text(encoding="utf-8")[-4000:]
        return self._project


@pytest.fixture(scope="module")
def here(root: Path, tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Iterator[Alone]:
    alone = Alone(configured(copy_project(root, tmp_path_factory.mktemp("here") / "project"), config))
    yield alone
    alone.process.kill()


@pytest.fixture(scope="module")
def there(root: Path, tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Project:
    """A project whose jobs SLURM gets."""
    return configured(copy_project(root, tmp_path_factory.mktemp("there") / "project"), config)


def configured(project: Project, config: dict[str, Any]) -> Project:
    (project.folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return project


def started(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """Start Snakemake with the profile of the cluster."""
    grouped = [] if FULL else ["--groups", *GROUPS]
    return subprocess.Popen(
        [*project.command(*arguments)[:-4], *PROFILE, *grouped, "--configfile", "mine.yaml"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(condition: Callable[[], Any], running: subprocess.Popen[str], what: str, seconds: float = 1800) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert running.poll() is None and time.monotonic() < deadline, f"{what}: {running.communicate()[0][-4000:]}"
        time.sleep(0.3)
    return found


def job_of(rule: str) -> str:
    """Return the id of the running SLURM job of a rule, or an empty text."""
    done = subprocess.run(
        ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"], capture_output=True, text=True
    )
    return next((line.split()[0] for line in done.stdout.splitlines() if f"rule_{rule}_" in line), "")


def field_of(job: str, name: str) -> str:
    done = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True, check=True)
    return re.search(rf"\b{name}=(\S+)", done.stdout)[1]


def processes_of(run: str) -> list[psutil.Process]:
    """Return the processes that train a run, without their launchers."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        for given in [[word for word in process.info["cmdline"] or () if word != "-u"]]
        if given[1:4] == ["-m", "pipeline", "train"] and run in given
    ]


def results_of(project: Project) -> dict[str, str]:
    """Return the hashes of all results, without what says when and where they were made."""
    return {
        name: digest
        for name, digest in directory_hashes(project.folder / "results").items()
        if Path(name).parts[0] not in WRITTEN_ANEW and name not in TIMED
    }


def checkpoints_of(project: Project) -> list[Path]:
    return sorted((project.folder / "results" / "work" / "train").glob("*/step-*.safetensors"))


def last_step(project: Project) -> int:
    """Return the step of the last checkpoint, 0 where there is none."""
    return max((int(path.name.split("-")[1]) for path in checkpoints_of(project)), default=0)


def test_training_that_is_requeued_and_loses_its_node_ends_with_the_bits_of_a_run_without_slurm(
    nodes: Cluster, there: Project, here: Alone
):
    running = started(there)
    until(lambda: checkpoints_of(there), running, "training wrote no checkpoint")
    job = until(lambda: job_of("train"), running, "there is no job that trains")
    subprocess.run(["scontrol", "requeue", job], check=True)
    log = there.folder / "results" / "logs" / "train"
    until(lambda: went_on(log), running, "the job that was requeued did not go on")
    assert field_of(job, "Restarts") == "1"
    lost = field_of(job, "NodeList")
    before = went_on(log)
    nodes.fail(lost)
    until(lambda: field_of(job, "Restarts") == "2", running, "the job of the lost node was not requeued")
    nodes.restore(lost)
    output, _ = running.communicate(timeout=1800)
    assert running.returncode == 0, output[-4000:]
    assert field_of(job, "JobState") == "COMPLETED" and field_of(job, "Restarts") == "2"
    assert went_on(log) >= before
    assert results_of(there) == results_of(here.finished())


def test_a_limit_of_gpus_that_the_cluster_would_be_asked_for_ends_before_the_first_job(nodes: Cluster, there: Project):
    """As a profile beside profiles/default, that of the cluster has its limit of one."""
    configured(there, CONFIG | {"results": "other", "defaults": SMALL_RUN | {"train": {**TRAIN, "gpus": 2}}})
    done = there.snakemake("--profile", "profiles/slurm", *PROFILE[2:])
    assert done.returncode == 1
    assert "error: a job takes 2 GPUs, and a profile allows 1: on a cluster, start snakemake with" in done.stdout
    assert not (there.folder / "other" / "data").exists()


def test_training_over_both_nodes_that_fails_or_stops_is_sent_again_and_ends_with_the_bits_of_two_processes_here(
    nodes: Cluster, there: Project, here: Alone
):
    """What ends one of the processes ends all, with -9 or with exit code 75, and Snakemake sends the job once more."""
    alone = here.finished()
    for project, settings in ((alone, {"processes": 2}), (there, {"nodes": 2})):
        configured(project, CONFIG | {"runs": [{"name": "far", "train": {**TRAIN, "steps": 200, **settings}}]})
    target = "results/runs/far/model.json"
    done = alone.snakemake(target)
    assert done.returncode == 0, done.stdout[-4000:]
    running = started(there, target)
    step = 0
    for ended in (psutil.Process.kill, psutil.Process.terminate):
        until(lambda after=step: last_step(there) > after, running, "training wrote no checkpoint")
        trained = processes_of("far")
        ended(trained[0])
        psutil.wait_procs(trained, timeout=60)
        step = last_step(there)
    output, _ = running.communicate(timeout=1800)
    assert running.returncode == 0, output[-4000:]
    jobs = re.findall(r"submitted with SLURM jobid (\d+) \(log: \S*/rule_train/", output)
    assert [field_of(job, "JobState") for job in jobs] == ["FAILED", "FAILED", "COMPLETED"]
    assert {field_of(job, "NumNodes") for job in jobs} == {"2"}
    log = (there.folder / "results" / "logs" / "train" / "far.log").read_text(encoding="utf-8")
    assert "; 2 processes, cpu\n" in log and f"going on from the checkpoint of step {step}\n" in log
    weights = [file_sha256(project.folder / "results/runs/far/model/head.safetensors") for project in (alone, there)]
    assert weights[0] == weights[1]


def test_run_has_a_line_for_each_stage_whose_jobs_are_sent_to_the_cluster(nodes: Cluster, there: Project):
    configured(there, CONFIG)
    logs = there.folder / ".snakemake" / "slurm_logs"
    before = set(logs.rglob("*.log"))
    command = "from proteinmtp.cli.main import main; main()"
    arguments = ["mine.yaml", "--", "results/data/split.parquet", *PROFILE, "--slurm-keep-successful-logs"]
    arguments += ["--forcerun", "split"]
    done = subprocess.run(
        [sys.executable, "-c", command, "run", *arguments],
        cwd=there.folder, env=there.environment(), capture_output=True, text=True,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr[-4000:]
    assert lines[-2].split()[:3] == ["split", "1", "job"] and lines[-1].startswith("done: "), done.stderr[-4000:]
    assert set(logs.rglob("*.log")) - before, "SLURM wrote no log of it"


def went_on(logs: Path) -> int:
    """Return the step of the checkpoint that training went on from, as its log says; 0 where it began anew."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in logs.glob("*.log")]
    return max((int(step) for text in texts for step in re.findall(r"going on from .* step (\d+)", text)), default=0)
