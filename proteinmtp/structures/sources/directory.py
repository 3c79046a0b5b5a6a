"""Structure files of a folder."""

import gzip
import logging
import os
import stat
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from proteinmtp.base.files import cached_hashes, safe_id, text_sha256
from proteinmtp.structures.file_ids import SUFFIXES, distinct_ids, stem_of
from proteinmtp.structures.header import code_in_header
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.source import SourceBase, SourceError, SourceFile

KEY = "source.directory.path"
GZIP_SIZE = 4
"""Bytes at the end of a gzip file that state its size unpacked."""
CHUNK = 1 << 20


Ids = Literal["name", "header"]


class Source(SourceBase):
    """The structure files of a folder; parameters as for `list_folder`."""

    def __init__(self, *, path: str | None, limit: int | None = None, ids: Ids = "name"):
        self._folder, self._limit, self._ids = Path(path or ""), limit, ids

    def list_files(self) -> list[SourceFile]:
        """Return the structure files of the folder; see `list_folder`."""
        return list_folder(self._folder, limit=self._limit, ids=self._ids)


def list_folder(folder: Path, *, limit: int | None = None, ids: Ids = "name", key: str = KEY) -> list[SourceFile]:
    """Return the structure files below `folder`, sorted by id.

    Hidden files and folders are left alone, links are followed. The id is the file's name without its suffixes, or
    the code that the file states; where several files share an id, eight digits of a hash of their relative path are
    added. A packed file beside which the same one lies unpacked is listed as its duplicate; a pipe, socket or device,
    and a path that is not UTF-8, with that as its problem.

    Parameters:
        folder: searched recursively.
        limit: take only so many files, those whose id has the smallest hash.
        ids: `name`, or `header` for the code inside the file, and its name if there is none.
        key: of the config, named in messages about the folder.

    Raises:
        SourceError: if there is no such folder, or no structure file in it.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise SourceError(f"{key}: {folder} {what}; name a folder with structure files")
    stems = {path: stem for path in sorted(_walk(folder)) if (stem := stem_of(path.name)) is not None}
    if not stems:
        raise SourceError(f"{key}: no structure file in {folder}; looked for {', '.join(SUFFIXES)} (also with .gz)")
    if ids == "header":
        codes = {path: code_in_header(path) for path in stems if _problem(path) is None}
        stems = {path: safe_id(codes.get(path) or "") or stem for path, stem in stems.items()}
    packed = (path for path in stems if path.suffix.lower() == ".gz")
    twins = {path for path in packed if _problem(path) is None and _is_packed_twin(path)}
    names = {path: path.relative_to(folder).as_posix() for path in stems}
    ids_of = distinct_ids({names[path]: stem for path, stem in stems.items()}, {names[path] for path in twins})
    files = [SourceFile(ids_of[names[path]], path) for path in stems]
    if limit is not None:
        chosen = sorted((file for file in files if file.path not in twins), key=lambda file: text_sha256(file.entry_id))
        paths = {file.path for file in chosen[:limit]}
        files = [file for file in files if file.path in paths or (file.path in twins and _unpacked(file.path) in paths)]
    return sorted((_judged(file, twins) for file in files), key=lambda file: file.entry_id)


def _judged(file: SourceFile, twins: Collection[Path]) -> SourceFile:
    """Return a file with its problem, if it has one."""
    name, problem = file.path.name, _problem(file.path)
    if problem is not None:
        return file.refused(Refusal.UNREADABLE, f"{name!r}: {problem}")
    if file.path in twins:
        return file.refused(Refusal.DUPLICATE_FILE, f"{name}: unpacked it is {file.path.stem}, which is used")
    return file


def folder_digest(folder: Path, cache: Path, key: str = KEY) -> str:
    """Return a hash of the names and the bytes of the structure files below `folder`; touching one changes nothing.

    Parameters:
        folder, key: as for `list_folder`.
        cache: JSON file that keeps the hashes of files.

    Raises:
        SourceError: as for `list_folder`.
    """
    paths = [file.path for file in list_folder(folder, key=key)]
    hashes = cached_hashes(paths, cache)
    return text_sha256(*(part for path in paths for part in (repr(path.relative_to(folder)), hashes[path])))


def _is_packed_twin(path: Path) -> bool:
    """Return whether beside a packed file lies the same one unpacked."""
    twin = _unpacked(path)
    if not twin.is_file():
        return False
    try:
        with path.open("rb") as packed, twin.open("rb") as plain:
            packed.seek(-GZIP_SIZE, 2)
            if int.from_bytes(packed.read(), "little") != twin.stat().st_size % (1 << 8 * GZIP_SIZE):
                return False
            packed.seek(0)
            with gzip.GzipFile(fileobj=packed) as stream:
                while part := plain.read(CHUNK):
                    if stream.read(len(part)) != part:
                        return False
                return not stream.read(1)
    except (OSError, EOFError, zlib.error):
        return False  # the parser says what is wrong


def _unpacked(path: Path) -> Path:
    return path.with_suffix("")


def _walk(folder: Path) -> list[Path]:
    paths: list[Path] = []
    seen: set[Path] = set()
    for root, folders, names in os.walk(folder, onerror=_closed, followlinks=True):
        real = Path(root).resolve()
        if real in seen:
            folders.clear()  # a link back to a folder above
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths.extend(Path(root, name) for name in names if not name.startswith("."))
    return paths


def _closed(error: OSError) -> None:
    logging.warning("the folder %s cannot be read: %s", error.filename, error.strerror)


def _problem(path: Path) -> str | None:
    """Return why a path must not be opened, or cannot be written into a table."""
    try:
        str(path).encode()
        regular = stat.S_ISREG(path.stat().st_mode)
    except UnicodeEncodeError:
        return "its path is not UTF-8; rename it"
    except OSError:
        return None  # nothing there, or no way to it: the parser says so
    return None if regular else "a pipe, socket or device, not a file"
