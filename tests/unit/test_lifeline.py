"""What works for a workflow ends with it, whoever of those between is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from proteinmtp.base import lifeline
from proteinmtp.base.lock import hold

JOB = "import time; from proteinmtp.base.lifeline import hold_on; hold_on(); print('works', flush=True); time.sleep(60)"
WORKFLOW = """
import subprocess, sys, time; from pathlib import Path
from proteinmtp.base.lifeline import begin
begin(Path(sys.argv[1]))
subprocess.run(["bash", "-c", '"$0" -c "$1" | cat; true', sys.executable, sys.argv[2]])
time.sleep(60)
"""
WORKERS = """
import multiprocessing, time
from proteinmtp.base.lifeline import leave_with_parent
def work():
    leave_with_parent()
    print(multiprocessing.current_process().pid, flush=True)
    time.sleep(60)
if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work).start()
    time.sleep(60)
"""


@pytest.fixture
def processes(tmp_path: Path):
    """A workflow, its shell and its job, which works."""
    command = [sys.executable, "-c", WORKFLOW, str(tmp_path), JOB]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as workflow:
        assert workflow.stdout is not None and workflow.stdout.readline() == "works\n"
        below = psutil.Process(workflow.pid).children(recursive=True)
        job = next(process for process in below if process.cmdline()[1:] == ["-c", JOB])
        yield {"workflow": workflow, "shell": job.parent(), "job": job}
        os.killpg(workflow.pid, signal.SIGKILL)


def is_gone(process: psutil.Process) -> bool:
    deadline = time.monotonic() + 20
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a job outlives its shell until its workflow ends")
def test_a_job_ends_when_the_shell_that_started_it_is_killed(processes: dict):
    processes["shell"].kill()
    assert is_gone(processes["job"])


def test_a_job_ends_when_its_workflow_is_killed_and_the_next_workflow_has_waited_for_it(
    processes: dict, tmp_path, caplog
):
    processes["job"].suspend()
    processes["workflow"].kill()
    next_one = threading.Thread(target=lambda: os.close(hold(tmp_path)), daemon=True)
    next_one.start()
    time.sleep(0.3)
    assert next_one.is_alive() and "jobs of an earlier run still write into" in caplog.text
    processes["job"].resume()
    next_one.join(timeout=20)
    assert not next_one.is_alive()
    assert is_gone(processes["job"]) and is_gone(processes["shell"])


def test_a_job_that_begins_after_its_workflow_ended_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lifeline.begin(tmp_path)
    named = os.environ.pop(lifeline.VARIABLE)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    monkeypatch.setenv(lifeline.VARIABLE, named.replace(str(os.getpid()), gone.stdout.strip(), 1))
    done = subprocess.run([sys.executable, "-c", JOB], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_a_stage_that_a_person_starts_hangs_on_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(lifeline.VARIABLE, raising=False)
    before = threading.active_count()
    lifeline.hold_on()
    assert threading.active_count() == before


def test_a_signal_whose_handler_needs_what_is_held_where_it_arrives_holds_up_nothing():
    """As Snakemake's of SIGTERM, which so waited for ever."""
    held, handled = threading.Lock(), threading.Event()

    def handler(*given: object) -> None:
        if held.acquire(timeout=5):
            handled.set()

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        lifeline.handle_beside(signal.SIGUSR1)
        with held:
            os.kill(os.getpid(), signal.SIGUSR1)
        assert handled.wait(timeout=10)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_worker_ends_when_the_process_that_began_it_is_killed(tmp_path: Path):
    (tmp_path / "workers.py").write_text(WORKERS, encoding="utf-8")
    with subprocess.Popen([sys.executable, tmp_path / "workers.py"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        assert is_gone(worker)
