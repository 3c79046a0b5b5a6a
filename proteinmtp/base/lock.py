"""Locks on files, by `flock`: they end with the process that holds them, however it ends.

Several processes, and several threads of one, exclude each other.
"""

import errno
import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from proteinmtp.base.errors import UserError

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: a lock changes no result."""

NAME = ".lock"
"""Held by the workflow that writes into a folder."""

JOBS = ".jobs.lock"
"""Shared by the processes that work for it."""


def acquire(path: Path, *, wait: bool) -> int | None:
    """Lock a file, which is made if it is not there, and return its descriptor: closed, it is free again.

    Returns:
        None if somebody else holds it and `wait` is False.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        if _is(path, descriptor):
            return descriptor
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, waiting: str | None = None) -> Iterator[None]:
    """Hold the lock of a file, and wait for it if need be; `waiting` is logged then."""
    descriptor = acquire(path, wait=False)
    if descriptor is None:
        if waiting is not None:
            logging.warning("%s", waiting)
        descriptor = acquire(path, wait=True)
        assert descriptor is not None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Make a file and hold its lock, after those that hold it now; without a lock where the file system has none."""
    try:
        descriptor = acquire(path, wait=True)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        descriptor = None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def share(path: Path) -> None:
    """Lock a file together with others, as long as this process lives; nothing where that cannot be done."""
    with suppress(OSError):
        fcntl.flock(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), fcntl.LOCK_SH)


def hold(folder: Path) -> int | None:
    """Lock a folder as long as this process lives; None, with a warning, where the file system has no locks.

    Processes that still work for a workflow that held it before are waited for.

    Raises:
        UserError: naming who holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    try:
        descriptor = acquire(path, wait=False)
    except OSError as error:
        logging.warning("%s cannot be locked (%s): start no second workflow on it", folder, error)
        return None
    if descriptor is None:
        holder = path.read_text(encoding="utf-8").strip() or "another process"
        raise UserError(f"{folder} is in use by {holder}; wait until it ends, or set `results` to another folder")
    with suppress(OSError):  # a full disk does not matter here
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {platform.node()}, started in {Path.cwd()}\n".encode())
    with locked(folder / JOBS, waiting=f"jobs of an earlier run still write into {folder}; waiting until they end"):
        return descriptor


def _is(path: Path, descriptor: int) -> bool:
    """Return whether the file at a path is still the open one; else who held its lock has deleted it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
