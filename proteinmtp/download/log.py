"""The record of a folder with downloads: which file was completed, from which address, with which checksum.

A line is added for each download, under a lock, so that several processes can share the folder and a kill costs no
more than the line that was being written. The last whole line of a file counts.
"""

import re
from pathlib import Path

from proteinmtp.base.files import readable_sha256
from proteinmtp.base.lock import locked

NAME = "downloads.tsv"

_LINE = re.compile(r"([0-9a-f]{64})\t([^\t\n]+)\t([^\t\n]+)\n")


class DownloadLog:
    """The record in `folder`, read when this is made."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._file = folder / NAME
        self._lock = folder / f".{NAME}.lock"
        self._known: dict[str, tuple[str, str]] = {}
        if self._file.exists():
            with self._file.open(encoding="utf-8", errors="replace", newline="\n") as handle:
                for line in handle:
                    if match := _LINE.fullmatch(line):
                        self._known[match[2]] = (match[1], match[3])

    def has(self, path: Path, url: str) -> bool:
        """Return whether `path` was downloaded from `url` and still has the same bytes."""
        sha256, source = self._known.get(path.name, ("", ""))
        return bool(sha256) and source == url and readable_sha256(path) == sha256

    def add(self, path: Path, url: str, sha256: str) -> None:
        """Record that `path` was downloaded from `url`."""
        with locked(self._lock), self._file.open("ab+") as handle:
            # A kill may have left half a line: it must not swallow this one.
            if handle.tell() and (handle.seek(-1, 2), handle.read(1))[1] != b"\n":
                handle.write(b"\n")
            handle.write(f"{sha256}\t{path.name}\t{url}\n".encode())
