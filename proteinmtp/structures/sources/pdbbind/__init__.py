"""A PDBbind tree: an index with one row for each complex, and a folder for each code with the protein in it.

The folders stand below the root, or up to two levels down, as releases have them: `<code>/`, `refined-set/<code>/`
beside `v2020-other-PL/<code>/`, `P-L/2001-2010/<code>/`. The index is looked for in all folders on the way.
"""

import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from proteinmtp.base.files import text_sha256
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.source import SourceBase, SourceError, SourceFile
from proteinmtp.structures.sources.pdbbind.index import (
    CODE,
    IndexRow,
    newest_index,
    newest_names,
    read_index,
    read_names,
)

DEPTH = 2
"""Folders between the root and the folders of codes, at most."""

PDB_CODE = re.compile(r"[0-9][A-Za-z0-9]{3}")
ENDINGS = ("_protein.pdb", "_protein.pdb.gz")


@dataclass
class _Tree:
    """What lies below the root: index files, folders by name in lower case, and which of them hold a protein."""

    files: list[Path] = field(default_factory=list)
    folders: dict[str, list[Path]] = field(default_factory=dict)
    entries: set[str] = field(default_factory=set)


class Source(SourceBase):
    """The proteins of a PDBbind tree.

    Parameters:
        path: root of the tree.
        set: `general` or `refined`, which index to follow.
        max_resolution: angstrom, or None; what is worse, or has none, is not read.
        first_year, last_year: of release, or None; what lies outside, or has none, is not read.
        limit: read only so many of what is left, those whose code has the smallest hash, or None.
    """

    def __init__(
        self,
        *,
        path: str | None,
        set: Literal["general", "refined"] = "general",
        max_resolution: float | None = None,
        first_year: int | None = None,
        last_year: int | None = None,
        limit: int | None = None,
    ):
        self._root, self._set, self._limit = Path(path or ""), set, limit
        self._max_resolution, self._first_year, self._last_year = max_resolution, first_year, last_year

    def list_files(self) -> list[SourceFile]:
        """Return one file for each code of the index, and for each folder of a code that the index does not have.

        Raises:
            SourceError: if there is no such folder, or no index with rows in it.
        """
        root = self._root
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise SourceError(
                f"source.pdbbind.path: {root} {what}; name the folder with index/ and"
                " <code>/<code>_protein.pdb below it"
            )
        tree = _Tree()
        _survey(root, 0, tree)
        index = newest_index(tree.files, self._set)
        if index is None:
            stem = "INDEX_general_PL_data" if self._set == "general" else "INDEX_refined_data"
            raise SourceError(
                f"source.pdbbind.path: no index of the {self._set} set below {root}; expected index/{stem}.<year>"
            )
        names = newest_names(tree.files)
        try:
            rows = read_index(index)
            accessions = read_names(names) if names is not None else {}
        except OSError as error:
            raise SourceError(f"source.pdbbind.path: {error.filename} cannot be read: {error.strerror}") from None
        if not rows:
            raise SourceError(f"source.pdbbind.path: no line of {index} begins with a PDB code")
        files = [self._file(code, row, accessions.get(code), tree.folders.get(code, [])) for code, row in rows.items()]
        for code in sorted(tree.entries - rows.keys()):
            path = _protein(tree.folders[code]) or tree.folders[code][0] / f"{code}_protein.pdb"
            files.append(SourceFile(code, path).refused(Refusal.NOT_INDEXED, f"{code} is not in {index.name}"))
        return self._limited(files)

    def _limited(self, files: list[SourceFile]) -> list[SourceFile]:
        """Return the files, those beyond the limit with that as their problem."""
        if self._limit is None:
            return files
        usable = sorted((file.entry_id for file in files if file.problem is None), key=text_sha256)
        left_out = frozenset(usable[self._limit :])
        reason = f"not among the {self._limit} codes with the smallest hash, and there is a limit"
        return [
            file.refused(Refusal.NOT_SELECTED, f"{file.entry_id}: {reason}") if file.entry_id in left_out else file
            for file in files
        ]

    def _file(self, code: str, row: IndexRow, accession: str | None, folders: list[Path]) -> SourceFile:
        """Return the file of a row, with a problem if it is not there or not wanted."""
        path = _protein(folders)
        file = SourceFile(
            entry_id=code,
            path=path or (folders[0] if folders else self._root / code) / f"{code}_protein.pdb",
            resolution=row.resolution,
            year=row.year,
            affinity=row.affinity,
            uniprot=accession,
        )
        if unwanted := self._unwanted(row):
            return file.refused(Refusal.NOT_SELECTED, f"{code}: {unwanted}")
        if path is None:
            where = f"no {code}_protein.pdb in {folders[0]}" if folders else f"no folder {code} below {self._root}"
            return file.refused(Refusal.MISSING_FILE, f"{where}, though the index has {code}")
        return file

    def _unwanted(self, row: IndexRow) -> str | None:
        """Return why a row is outside the limits, or None."""
        if self._max_resolution is not None:
            limit = f"max_resolution {self._max_resolution} A"
            if row.resolution is None:
                return f"the index gives no resolution, and there is a limit, {limit}"
            if row.resolution > self._max_resolution:
                return f"resolution {row.resolution} A is worse than {limit}"
        if row.year is None:
            if self._first_year is not None or self._last_year is not None:
                return "the index gives no year, and first_year or last_year is set"
        elif self._first_year is not None and row.year < self._first_year:
            return f"released in {row.year}, before first_year {self._first_year}"
        elif self._last_year is not None and row.year > self._last_year:
            return f"released in {row.year}, after last_year {self._last_year}"
        return None


def _survey(folder: Path, depth: int, tree: _Tree) -> None:
    """Add what is in a folder, and below it in folders that are not named like a PDB code, to `tree`."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted((entry.name, entry.is_dir()) for entry in entries if entry.name[0] != ".")
    except OSError as error:
        logging.warning("source.pdbbind.path: the folder %s cannot be read: %s", folder, error.strerror)
        return
    for name, is_folder in listed:
        if not is_folder:
            if name.startswith("INDEX_"):
                tree.files.append(folder / name)
            elif depth and name in (folder.name + ending for ending in ENDINGS) and CODE.fullmatch(folder.name):
                tree.entries.add(folder.name.lower())
            continue
        tree.folders.setdefault(name.lower(), []).append(folder / name)
        if PDB_CODE.fullmatch(name):
            tree.entries.add(name.lower())
        elif depth <= DEPTH:
            _survey(folder / name, depth + 1, tree)


def _protein(folders: list[Path]) -> Path | None:
    """Return the protein's file in the first folder that has one."""
    paths = (os.path.join(folder, folder.name + ending) for folder in folders for ending in ENDINGS)  # noqa: PTH118
    return next((Path(path) for path in paths if os.path.isfile(path)), None)  # noqa: PTH113
