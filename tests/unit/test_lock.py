"""Locks: of processes and threads one at a time has a file, and a kill frees it."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proteinmtp.base.errors import UserError
from proteinmtp.base.lock import acquire, hold


def test_a_folder_is_free_again_when_its_holder_is_killed(tmp_path: Path):
    program = (
        "import sys, time; from pathlib import Path; from proteinmtp.base.lock import hold; hold(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", f"{program}; print(flush=True); time.sleep(60)", str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(UserError, match=rf"x is in use by process {holder.pid} on .*, started in "):
            hold(tmp_path / "x")
        holder.kill()
        holder.wait()
    descriptor = hold(tmp_path / "x")
    assert descriptor is not None and acquire(tmp_path / "x" / ".lock", wait=False) is None
    os.close(descriptor)


def test_a_file_system_without_locks_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert hold(tmp_path) is None
    assert "cannot be locked" in caplog.text
