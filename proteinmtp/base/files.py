"""Files: content hashes, and writing that leaves either the old file or the whole new one."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from proteinmtp.base.lock import owned
from proteinmtp.base.space import writing

LONGEST_NAME = 200
"""Bytes of a file's name without its suffix; file systems take 255, and a temporary file adds some."""


def safe_id(name: str) -> str:
    """Return a name in which all but ASCII letters, digits, `.` and `-` is replaced by `-`."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)


def file_name(name: str, suffix: str) -> str:
    """Return a file's name for a name from data: nothing in it means anything in a path, and it is not too long."""
    quoted = quote(name, safe="")
    if quoted.startswith("."):  # else it would be hidden
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) > LONGEST_NAME:
        quoted = f"{quoted[: LONGEST_NAME - 9]}-{text_sha256(name)[:8]}"
    return quoted + suffix


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def readable_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, or "" for what cannot be read: a link to nowhere, a pipe, a device."""
    try:
        return file_sha256(path) if path.is_file() else ""
    except OSError:
        return ""


def cached_hashes(paths: Iterable[Path], cache: Path) -> dict[Path, str]:
    """Return the sha256 of each file, "" for those that cannot be read.

    Hashes are kept in the JSON file `cache`, keyed by path, size and times, so that a second look reads none of the
    files but those that could not be read. Of the times that of the inode counts too, which no program can set back.
    The cache holds what was asked for last.
    """
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.exists() else {}
    seen = {}
    hashes = {}
    for path in paths:
        key = str(path.absolute())
        stamp = _stamp(key)
        before = known.get(key, [None, ""])
        hashes[path] = before[1] if before[1] and before[0] == stamp else readable_sha256(path)
        seen[key] = [stamp, hashes[path]]
    if seen != known:
        write_json(cache, seen)
    return hashes


def _stamp(path: str) -> list[int]:
    """Return size, time of change and that of the inode, nothing for a file that cannot be reached."""
    try:
        stat = os.stat(path)  # noqa: PTH116  a Path takes twice as long
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def text_sha256(*parts: str) -> str:
    """Return the sha256 of several strings, in hexadecimal; where one ends and the next begins matters."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def directory_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below `folder`, by its path relative to `folder`, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def give_usual_permissions(folder: Path) -> None:
    """Give the files below a folder the permissions of a user's new files; libraries give some to the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o666 & ~mask)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, sync it and move it into place.

    What a killed process left of it is written over by the next one; of several processes at a time, each waits for
    the one before.

    Raises:
        SpaceError: if there is no room.
    """
    temporary = path.with_name(f".{path.name}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with owned(temporary):
            try:
                yield temporary
                with temporary.open("rb") as handle:
                    os.fsync(handle.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON with sorted keys, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
