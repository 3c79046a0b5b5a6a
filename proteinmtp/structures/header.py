"""The code that a structure file states about itself, read from its first bytes."""

import gzip
import re
import zlib
from pathlib import Path

HEAD = 4096
"""Bytes that are read; a HEADER record is the first line, `_entry.id` the first item behind the block's name."""

LONGEST = 60
"""Characters; what is longer is text, not a code."""

PDB_CODE = re.compile(r"[0-9][A-Za-z0-9]{3}|pdb_[0-9A-Za-z]{8}", re.IGNORECASE)

_STATED = (
    re.compile(r"^HEADER.{56}(.{4})", re.MULTILINE),
    re.compile(r"""^_entry\.id[ \t]+('[^'\n]*'|"[^"\n]*"|\S+)""", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^data_(\S+)", re.MULTILINE | re.IGNORECASE),
)


def code_in_header(path: Path) -> str | None:
    """Return the code in columns 63-66 of a PDB file's HEADER, or the entry id or block name of an mmCIF file.

    PDB codes are returned in lower case, other names as they stand. A file that cannot be read, or is no text, or
    states no code or a placeholder such as `XXXX`, has none.

    Parameters:
        path: of a .pdb, .ent, .cif or .mmcif file, or one of these with .gz.
    """
    text = _head(path).decode("latin-1").replace("\r", "\n")
    for pattern in _STATED:
        match = pattern.search(text)
        code = match[1].strip(" \t'\"") if match else ""
        if re.search(r"[A-WYZa-wyz0-9]", code) and len(code) <= LONGEST and code.isprintable():
            return code.lower() if PDB_CODE.fullmatch(code) else code
    return None


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked; none if it is broken or cannot be read."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as handle:
            return handle.read(HEAD)
    except (OSError, EOFError, zlib.error):
        return b""
