"""A disk that is full, in one line: which, how much is free, and what to do."""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proteinmtp.base.errors import SpaceError, UserError

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: it changes no result."""

FULL = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the limit for the size of a file is reached",
}
NEARLY_FULL = 2**20
"""Bytes; with fewer, a workflow cannot even write what it notes of its jobs."""
ADVICE = "make room, or set `results` to a folder on another disk, and start again: what is done is kept"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line that there was no room for a file, or for the files of a folder, that the block writes.

    Raises:
        SpaceError: in place of the error that says so; whatever else is raised stays as it is.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = why_full(error)
        if reason is None:
            raise
        raise SpaceError(f"{reason}: {path} was not written ({room(path)}); {ADVICE}") from error


def why_full(error: BaseException | None) -> str | None:
    """Return why there is no room, if an error or what caused it says so; libraries say it in errors of their own."""
    while error is not None:
        for code, reason in FULL.items():
            if getattr(error, "errno", None) == code or os.strerror(code) in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None


def room(path: Path) -> str:
    """Return in words how much is free where a path lies."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    usage = shutil.disk_usage(there)
    return f"{usage.free / 1e6:,.1f} MB of {usage.total / 1e6:,.1f} MB are free"


def check(*places: Path) -> None:
    """Check that there is room in some places, as far as they exist and their file systems say how large they are.

    Raises:
        SpaceError: naming the first whose disk is full.
    """
    for place in places:
        usage = shutil.disk_usage(place) if place.exists() else None
        if usage and usage.total and usage.free < NEARLY_FULL:
            raise SpaceError(f"the disk of {place} is full ({room(place)}); {ADVICE}")


def warn(*places: Path) -> None:
    """Say in a line that one of some places is full, if it is."""
    try:
        check(*places)
    except SpaceError as error:
        print(error, file=sys.stderr)
