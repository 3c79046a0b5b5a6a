"""Structure files of a folder."""

import os
import re
from collections import Counter
from pathlib import Path

from pipeline.config_data import SourceConfig
from pipeline.manifest import text_sha256
from pipeline.structures.sources import SourceError, SourceFile

SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")


def list_files(config: SourceConfig, results: Path) -> list[SourceFile]:
    """Return the structure files of the folder that the config names; see `list_folder`."""
    options = config.directory
    return list_folder(Path(options.path or ""), options.limit)


def list_folder(folder: Path, limit: int | None = None) -> list[SourceFile]:
    """Return the structure files below `folder`, sorted by id.

    Hidden files and folders are left alone, links are followed. The id is the file's name without its suffixes; where
    several files share a name, eight digits of a hash of their relative path tell them apart.

    Parameters:
        folder: searched recursively.
        limit: take only so many files, those whose id has the smallest hash.

    Raises:
        SourceError: if there is no such folder, or no structure file in it.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise SourceError(f"source.directory.path: {folder} {what}; name a folder with structure files")
    paths = sorted(path for path in _walk(folder) if _stem(path.name) is not None)
    if not paths:
        raise SourceError(
            f"source.directory.path: no structure file in {folder}; looked for {', '.join(SUFFIXES)} (also with .gz)"
        )
    stems = {path: _stem(path.name) or "" for path in paths}
    shared = {stem for stem, count in Counter(stem.lower() for stem in stems.values()).items() if count > 1}
    files = []
    for path, stem in stems.items():
        suffix = f"-{text_sha256(path.relative_to(folder).as_posix())[:8]}" if stem.lower() in shared else ""
        files.append(SourceFile(stem + suffix, path))
    files.sort(key=lambda file: file.entry_id)
    if limit is not None:
        files = sorted(files, key=lambda file: text_sha256(file.entry_id))[:limit]
        files.sort(key=lambda file: file.entry_id)
    return files


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    seen: set[Path] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = Path(root).resolve()
        if real in seen:
            folders.clear()  # a link back to a folder above
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.extend(Path(root, name) for name in names if not name.startswith("."))
    return found


def _stem(name: str) -> str | None:
    """Return the id in a file name, with characters that are safe anywhere, or None if it is no structure file."""
    path = Path(name[:-3] if name.lower().endswith(".gz") else name)
    return re.sub(r"[^A-Za-z0-9.-]", "-", path.stem) if path.suffix.lower() in SUFFIXES else None
