"""The processes of a workflow end with it, however it ends, so none goes on writing beside the next one.

Snakemake that is killed takes its jobs with it in no way: a shell that it started goes on, and what that started. So
the Snakefile names its process in an environment variable (`begin`), and whatever works for it holds on to that
(`hold_on`): it is killed when that process ends, when its own parent does (Linux), or at once if it is begun too late.
What stands between, shells and launchers, then has nothing left to wait for. All of them also share a lock in the
results folder, which the next workflow waits for: where files are locked across machines, that counts for jobs on
others too.
"""

import ctypes
import os
import platform
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path
from typing import NoReturn

import psutil

from proteinmtp.base import lock

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: when a process ends changes no result."""

VARIABLE = "PROTEINMTP_WORKFLOW"
"""Process of the workflow, where that is, and its results folder; not set for a stage that a person started."""

HANDED_OVER = "-"
"""In place of where the workflow is, for processes that somebody else ends."""

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 1.0


def begin(results: Path) -> None:
    """Name this process as the one that the processes started from here end with."""
    os.environ[VARIABLE] = f"{os.getpid()} {_place()} {results.absolute()}"


def hand_over() -> None:
    """Leave the end of what is started from here to who starts it: `srun` does it on several machines, and ends it."""
    if VARIABLE in os.environ:
        pid, _, results = os.environ[VARIABLE].split(" ", 2)
        os.environ[VARIABLE] = f"{pid} {HANDED_OVER} {results}"


def hold_on() -> None:
    """End when the workflow does that this process works for; nothing, if it works for none."""
    given = os.environ.get(VARIABLE)
    if given is None:
        return
    pid, place, results = given.split(" ", 2)
    # Locked before it is looked who lives: a workflow that finds the lock free has no process left behind it.
    lock.share(Path(results) / lock.JOBS)
    if place == HANDED_OVER:
        return
    die_with_parent()
    if place == _place():
        workflow = next((above for above in psutil.Process().parents() if above.pid == int(pid)), None)
        if workflow is None:
            _end()
        else:
            threading.Thread(target=_end_after, args=(workflow,), name="lifeline", daemon=True).start()


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends (Linux); may stand between fork and exec."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def handle_beside(number: signal.Signals) -> None:
    """Have a signal handled as before, but in a thread beside the code that it interrupts."""
    handler = signal.getsignal(number)
    if callable(handler):
        signal.signal(number, lambda *given: threading.Thread(target=handler, args=given).start())


def leave_with_parent() -> None:
    """End when the process ends that started this one by `multiprocessing`."""
    above = parent_process()
    if above is not None and above.pid is not None:
        threading.Thread(target=_end_after, args=(psutil.Process(above.pid),), name="lifeline", daemon=True).start()


def _end_after(process: psutil.Process) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        _end()
    except (AttributeError, OSError):  # another system, or a Linux before 5.3
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(LOOK_SECONDS)
        _end()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    _end()


def _end() -> NoReturn:
    """End as nothing can hold up; without a word, since what it was for is gone."""
    try:
        for below in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                below.kill()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _place() -> str:
    """Return where process ids mean the same: the machine and, in containers, the namespace."""
    namespace = Path("/proc/self/ns/pid")
    return f"{platform.node()}/{namespace.readlink() if namespace.is_symlink() else ''}"


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
