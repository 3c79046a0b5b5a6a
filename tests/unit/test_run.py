"""`proteinmtp run`: what Snakemake is told, where the stages are found, and what is shown of what happens."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_stages as plugin
from proteinmtp.cli import run as command
from snakemake_logger_plugin_stages.progress import Job, Progress, duration

from ..support.command import proteinmtp

Told = list[tuple[list[str], dict[str, str]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What would have been started in place of this process: arguments and environment."""
    calls: Told = []
    monkeypatch.setattr(os, "execve", lambda path, arguments, environment: calls.append((arguments, environment)))
    return calls


def test_snakemake_gets_the_snakefile_the_configs_and_what_stands_behind_the_dashes(
    told: Told, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text("seed: 1\n")
    done = proteinmtp("run", "a.yaml", "b.yaml", "-j", 3, "--workflow", root, "--", "nulls", "--forcerun", "split")
    assert done.exit_code == 0, done.output
    arguments, environment = told[0]
    assert arguments == [
        *(sys.executable, "-P", "-m", "snakemake_logger_plugin_stages", "nulls", "--forcerun", "split"),
        *("--snakefile", str(root / "Snakefile"), "--cores", "3", "--logger", "stages"),
        *("--configfile", "a.yaml", "b.yaml"),
    ]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(root)


def test_without_a_config_snakemake_takes_that_of_the_folder_and_all_cores(told: Told, root: Path):
    proteinmtp("run", "--dry-run", "--workflow", root / "Snakefile")
    arguments, _ = told[0]
    assert "--configfile" not in arguments and "--dry-run" in arguments
    assert arguments[arguments.index("--cores") + 1] == "all"


@pytest.mark.parametrize("elsewhere", [("--workflow-profile", "slurm"), ("--executor=slurm",)])
def test_where_jobs_are_sent_elsewhere_the_cores_of_this_machine_do_not_bound_them(
    told: Told, root: Path, elsewhere: tuple[str, ...]
):
    proteinmtp("run", "--workflow", root, "--", *elsewhere)
    proteinmtp("run", "-j", 3, "--workflow", root, "--", *elsewhere)
    (free, _), (bound, _) = told
    assert "--cores" not in free and bound[bound.index("--cores") + 1] == "3"


def test_verbose_is_snakemake_itself(told: Told, root: Path):
    proteinmtp("run", "--verbose", "--workflow", root)
    assert told[0][0][1:4] == ["-P", "-m", "snakemake"] and "--logger" not in told[0][0]


def test_a_config_that_cannot_be_read_is_named_in_one_line(told: Told, root: Path, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("runs: [1\n")
    done = proteinmtp("run", tmp_path / "mine.yaml", "--workflow", root)
    assert done.exit_code == 1 and not told
    assert done.stderr.count("\n") == 1 and "mine.yaml" in done.stderr


def test_in_a_folder_without_a_config_the_demo_is_not_run_by_chance(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    done = proteinmtp("run")
    assert done.exit_code == 1 and "there is no config.yaml in this folder" in done.stderr and not told


def test_a_folder_that_is_no_checkout_is_named_with_what_it_lacks(told: Told, tmp_path: Path):
    done = proteinmtp("run", "--workflow", tmp_path)
    assert done.exit_code == 1 and not told
    assert str(tmp_path) in done.stderr and "Snakefile" in done.stderr


def test_an_installed_library_takes_the_checkout_of_the_folder_or_says_what_to_do(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert command.find_checkout(None).samefile(root), "the checkout that the library lies in"
    monkeypatch.setattr(command.proteinmtp, "__file__", str(tmp_path / "site-packages/proteinmtp/__init__.py"))
    monkeypatch.chdir(root)
    assert command.find_checkout(None).samefile(root)
    monkeypatch.chdir(tmp_path)
    done = proteinmtp("run")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1 and "--workflow FOLDER" in done.stderr


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def job(stage: str, log: Path | None = None, **wildcards: str) -> Job:
    return Job(stage, wildcards, log)


def test_a_stage_has_one_line_when_its_last_job_is_done():
    clock = Clock()
    progress = Progress(clock)
    progress.expect({"parse": 2, "split": 1, "all": 1, "total": 4})
    progress.start(1, job("parse", shard="000"))
    clock.now = 65.0
    progress.start(2, job("parse", shard="001"))
    assert progress.finish(1) == []
    assert progress.underway() == ["parse       1/2   1 min 05 s"]
    clock.now = 80.4
    assert progress.finish(2) == ["parse    2 jobs   1 min 20 s"]
    assert progress.underway() == []


def test_what_runs_is_said_with_the_last_words_of_the_log_that_was_written_last(tmp_path: Path):
    progress = Progress(Clock())
    logs = [tmp_path / "a.log", tmp_path / "b.log", tmp_path / "not there.log"]
    logs[0].write_text("12:00:00 INFO train a 10% 3/30\n\n")
    logs[1].write_text("12:00:01 INFO older\n12:00:02 WARNING train b 20% 6/30\n")
    os.utime(logs[1], (1, 1))
    for number, log in enumerate(logs):
        progress.start(number, job("train", log, run=log.stem))
    assert progress.underway() == ["train       0/3   0 s   train a 10% 3/30"]


def test_a_failed_job_is_named_with_the_end_of_its_log(tmp_path: Path):
    log = tmp_path / "slots.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)) + "\nerror: the reason\n")
    progress = Progress(Clock())
    progress.start(1, job("train", log, run="slots"))
    lines = progress.fail(1)
    assert lines[0] == "failed: train, run slots"
    assert lines[-2:] == ["    error: the reason", f"  log: {log}"]
    assert len(lines) == 12
    assert progress.ending() == ["1 job failed, 0 done; what is done is kept, start again to go on"]


def test_a_log_that_is_no_text_or_not_there_is_no_obstacle(tmp_path: Path):
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe\x00" * 20_000 + b"\nthe end\n")
    progress = Progress(Clock())
    progress.start(1, job("train", log))
    assert progress.fail(1)[-2:] == ["    the end", f"  log: {log}"]
    progress.start(2, job("train", tmp_path / "none"))
    assert progress.fail(2) == ["failed: train", f"  its log is empty: {tmp_path / 'none'}"]


def test_a_job_that_is_tried_again_and_done_did_not_fail():
    progress = Progress(Clock())
    progress.start(1, job("predict"))
    progress.fail(1)
    progress.start(1, job("predict"))
    progress.finish(1)
    assert progress.ending() == ["done: 1 job in 0 s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations_are_for_people(seconds: float, text: str):
    assert duration(seconds) == text


Emit = Callable[..., None]


@pytest.fixture
def emit(monkeypatch: pytest.MonkeyPatch) -> Emit:
    """A function that gives the plugin a record; `close=True` ends it."""
    monkeypatch.setattr(plugin, "_silence_jobs", lambda: None)
    handler = plugin.LogHandler(SimpleNamespace(dryrun=False), None)  # type: ignore[arg-type]

    def give(text: str = "", level: int = logging.INFO, close: bool = False, **fields: Any) -> None:
        record = logging.LogRecord("snakemake", level, "", 0, text, None, None)
        vars(record).update(fields)
        handler.emit(record)
        if close:
            handler.close()
            handler.close()

    return give


def start(emit: Emit, number: int, stage: str, log: list[str]) -> None:
    emit(
        event=LogEvent.JOB_INFO, jobid=number, rule_name=stage, wildcards={"run": "a"}, log=log, output=["made"]
    )  # fmt: skip


@pytest.mark.parametrize(("stage", "named"), [("report", ["report: a.html"]), ("train", [])])
def test_of_a_whole_run_the_stages_are_shown_and_the_report_if_it_was_made(
    emit: Emit, capsys: pytest.CaptureFixture[str], stage: str, named: list[str]
):
    emit("Building DAG of jobs...")
    emit(event=LogEvent.RUN_INFO, stats={stage: 1, "all": 1, "total": 2})
    start(emit, 1, stage, [])
    emit(event=LogEvent.JOB_FINISHED, job_id=1)
    emit(event=LogEvent.JOB_INFO, jobid=0, rule_name="all", wildcards={}, log=[], output=[])
    emit(event=LogEvent.JOB_FINISHED, job_id=0)
    emit("Report: a.html", report="a.html")
    emit("Complete log(s): somewhere", close=True)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [f"{stage}     1 job   0 s", "done: 1 job in 0 s", *named]


def test_a_failure_is_shown_once_and_the_command_of_the_job_is_not(
    emit: Emit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "a.log"
    log.write_text("error: [bold] is no markup\n")
    start(emit, 1, "train", [str(log)])
    emit("RuleException:\nCalledProcessError in file x", logging.ERROR, event=LogEvent.ERROR, exception="RuleException")
    emit(event=LogEvent.JOB_ERROR, jobid=1, level=logging.ERROR)
    emit("Exiting because a job execution failed. Look above", logging.ERROR)
    emit("WorkflowError:\nAt least one job did not", logging.ERROR, event=LogEvent.ERROR, exception="WorkflowError")
    emit(close=True)
    assert capsys.readouterr().err.splitlines() == [
        "failed: train, run a", "    error: [bold] is no markup", f"  log: {log}",
        "1 job failed, 0 done; what is done is kept, start again to go on",
    ]  # fmt: skip


STOPPED = "stopped after 0 jobs; what is done is kept, start again to go on"


@pytest.mark.parametrize("text", plugin.INTERRUPTED)
def test_jobs_that_end_because_somebody_stopped_all_did_not_fail(
    emit: Emit, text: str, capsys: pytest.CaptureFixture[str]
):
    start(emit, 1, "train", [])
    emit(f"{text}, and more")
    emit(event=LogEvent.JOB_ERROR, jobid=1, level=logging.ERROR)
    emit("WorkflowError:\nAt least one job did not", logging.ERROR, event=LogEvent.ERROR, exception="WorkflowError")
    emit(close=True)
    assert capsys.readouterr().err == f"{STOPPED}\n"


def test_an_error_of_snakemake_amid_the_jobs_is_no_good_end(emit: Emit, capsys: pytest.CaptureFixture[str]):
    start(emit, 1, "train", [])
    emit("OSError: no space left", logging.ERROR, event=LogEvent.ERROR, exception="OSError", close=True)
    assert capsys.readouterr().err.splitlines() == ["OSError: no space left", STOPPED]


def test_warnings_and_errors_of_the_workflow_itself_are_shown_whole(emit: Emit, capsys: pytest.CaptureFixture[str]):
    emit("MissingInputException:\nno file", logging.ERROR, event=LogEvent.ERROR, exception="MissingInputException")
    emit("a warning", logging.WARNING)
    emit("Nothing to be done (all requested files are present and up to date).", close=True)
    assert capsys.readouterr().err == (
        "MissingInputException:\nno file\na warning\nnothing to do: everything is there and up to date\n"
    )
