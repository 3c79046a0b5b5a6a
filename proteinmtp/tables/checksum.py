"""A checksum in a Parquet file: the sha256 of all its bytes, with zeros where the checksum itself stands.

Parquet's own checksums of pages leave out the footer, and hold nothing that says that another program wrote the file
anew. The checksum stands among the key-value metadata, near the end of the file.
"""

import hashlib
import re
from pathlib import Path

from proteinmtp.base.errors import DataError

KEY = "proteinmtp.sha256"
ZEROS = "0" * 64
PLACE = re.compile(rb"proteinmtp\.sha256\x18\x40([0-9a-f]{64})")
"""The key, and its value as thrift writes a string of 64 bytes."""
LENGTH_BYTES, MAGIC = 4, b"PAR1"
"""A file ends with the footer, in which the metadata stand, the length of that, and this."""
CHUNK = 1 << 20


def seal(path: Path) -> None:
    """Write the checksum of a file, whose metadata hold `ZEROS` under `KEY`."""
    place = _place(path)
    if place is None:
        raise ValueError(f"{path} has no place for a checksum")
    digest = _digest(path, place)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(digest)


def check(path: Path) -> bool:
    """Return whether a file has a checksum.

    Raises:
        DataError: if it is that of other bytes.
    """
    place = _place(path)
    if place is None:
        return False
    with path.open("rb") as file:
        file.seek(place)
        stated = file.read(len(ZEROS))
    if stated != _digest(path, place):
        raise damaged(path)
    return True


def damaged(path: Path) -> DataError:
    """Return the error for a file that is not as it was written."""
    return DataError(
        f"{path} is damaged, or was changed after it was written; delete it, and the next run makes it again"
    )


def _place(path: Path) -> int | None:
    """Return where the checksum stands."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        end = LENGTH_BYTES + len(MAGIC)
        file.seek(max(0, size - end))
        begin = max(0, size - end - int.from_bytes(file.read(LENGTH_BYTES), "little"))
        file.seek(begin)
        places = [match.start(1) for match in PLACE.finditer(file.read())]
    return begin + places[-1] if places else None


def _digest(path: Path, place: int) -> bytes:
    """Return the checksum, given its place."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = place
        while left and (part := file.read(min(left, CHUNK))):
            digest.update(part)
            left -= len(part)
        digest.update(ZEROS.encode())
        file.seek(place + len(ZEROS))
        while part := file.read(CHUNK):
            digest.update(part)
    return digest.hexdigest().encode()
