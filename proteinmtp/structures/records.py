"""The bytes of a structure file, and the few records of them that matter here.

A C-alpha trace needs one line in eight of a file. Which ones is seen with a few numpy operations over all lines at
once, and only those are handed to gemmi, so that reading a file costs less than gemmi takes for all of it.
"""

import gzip
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GZIP_MAGIC = b"\x1f\x8b"


class RecordError(ValueError):
    """A record that cannot be read as what it claims to be."""


class TooLargeError(ValueError):
    """A file that is larger, unpacked, than the config allows."""


@dataclass(frozen=True)
class Records:
    """What is handed to gemmi.

    Attributes:
        data: the kept records, in their order.
        left_out: number of atom records, waters among them, of which gemmi is told nothing.
        repairs: names of the harmless defects that were repaired.
    """

    data: bytes
    left_out: int = 0
    repairs: tuple[str, ...] = ()


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a file, unpacked if it is gzip whatever its name says.

    Parameters:
        path: the file.
        limit: bytes; no more than this is ever unpacked.

    Raises:
        TooLargeError: if there is more.
        OSError, EOFError, zlib.error: if the file cannot be read or its gzip stream is broken.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in the folder must not hold up the run
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        data = os.read(handle, min(status.st_size, limit) + 1)
        if data[:2] == GZIP_MAGIC:
            os.lseek(handle, 0, os.SEEK_SET)
            with os.fdopen(handle, "rb", closefd=False) as stream:
                data = gzip.GzipFile(fileobj=stream).read(limit + 1)
    finally:
        os.close(handle)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if len(data) > limit:
        raise TooLargeError(f"more than {limit / 1e6:.0f} MB unpacked; parse.max_megabytes allows no more")
    return data


def printable(text: str) -> str:
    """Return a text from a file as one line that can be shown."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def is_mmcif(data: bytes) -> bool:
    """Return whether the text is mmCIF rather than PDB: whether its first word, after comments, is `data_...`."""
    start = data[:4096].lstrip()
    while start.startswith(b"#"):
        start = start.partition(b"\n")[2].lstrip()
    return start[:5].lower() == b"data_"


def words(data: bytes, width: int) -> np.ndarray:
    """Return a view of `data` whose item i is the bytes i to i + width, as an unsigned integer of that width."""
    return np.ndarray((len(data) - width + 1,), dtype=f"<u{width}", buffer=data, strides=(1,))


def word(text: bytes) -> np.unsignedinteger:
    """Return a text of 2, 4 or 8 bytes as `words` shows it."""
    number: np.unsignedinteger = np.frombuffer(text, dtype=f"<u{len(text)}")[0]
    return number


def is_one_of(values: np.ndarray, allowed: tuple[np.unsignedinteger, ...]) -> np.ndarray:
    """Return what `numpy.isin` does, faster for a handful of integers."""
    if not allowed:
        return np.zeros(len(values), dtype=bool)
    listed: np.ndarray = values == allowed[0]
    for item in allowed[1:]:
        listed |= values == item
    return listed
