"""Where structure files come from: one module for each kind of source.

A source is a module of this package, named as `source.kind`, with a function

    list_files(config: SourceConfig, results: Path) -> list[SourceFile]

that returns all its entries without opening jobs or the network, and, if its files must first be made or fetched,

    fetch(files: Sequence[SourceFile], config: SourceConfig, results: Path) -> list[SourceFile]

which a manifest job calls with the files of its shard, and which returns them with `problem` set where it failed.
What cannot be used is listed too, with its problem, so that every entry ends either as chains or in quarantine.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proteinmtp.config.data_ import SourceConfig
from proteinmtp.base.files import cached_hashes, text_sha256
from proteinmtp.base.plugins import load
from proteinmtp.structures.refusals import Refusal, Refused

PACKAGE = __name__


class SourceError(ValueError):
    """A source that cannot be read at all, in words for the person who named it."""


@dataclass(frozen=True)
class SourceFile:
    """One structure file and what its source knows of it.

    Attributes:
        entry_id: its name in all tables; letters, digits, `.` and `-` only.
        path: where it is, or will be.
        url: where it is fetched from, or None.
        problem: why it is not read, or None.
        resolution: angstrom, or None.
        year: of release, or None.
        affinity: -log10 of Kd, Ki or IC50 in mol/l, or None.
        uniprot: accession, or None.
    """

    entry_id: str
    path: Path
    url: str | None = None
    problem: Refused | None = None
    resolution: float | None = None
    year: int | None = None
    affinity: float | None = None
    uniprot: str | None = None

    def shard(self, shards: int) -> int:
        """Return the shard of this entry among `shards`: a hash of its id, so a new file changes one shard."""
        return int.from_bytes(hashlib.sha256(self.entry_id.encode()).digest()[:8], "big") % shards

    def refused(self, code: Refusal, message: str) -> "SourceFile":
        """Return this entry with a problem, for which it goes to quarantine."""
        return dataclasses.replace(self, problem=Refused(None, code, message))


def list_source(config: SourceConfig, results: Path) -> list[SourceFile]:
    """Return the entries of the source in the order of their ids; of files with equal bytes only the first is used.

    Parameters:
        config: kind of the source and its settings.
        results: the results folder; the hashes of files are kept below it.

    Raises:
        SourceError: if there is no such source, or nothing in it.
    """
    files = sorted(load(PACKAGE, config.kind).list_files(config, results), key=lambda file: file.entry_id)
    hashes = _hashes(files, results)
    first: dict[str, str] = {}
    listed = []
    for file in files:
        digest = hashes.get(file.path, "") if file.problem is None else ""
        kept = first.setdefault(digest, file.entry_id) if digest else file.entry_id
        if kept != file.entry_id:
            file = file.refused(Refusal.DUPLICATE_FILE, f"{file.path.name}: the same bytes as entry {kept}")
        listed.append(file)
    return listed


def shard_digests(files: Sequence[SourceFile], shards: int, results: Path) -> list[str]:
    """Return for each shard a hash of its entries and of the bytes of their files.

    A shard's digest changes when an entry of it is added, removed or changed, not when its file is touched. Files
    that are fetched count with their address.
    """
    hashes = _hashes(files, results)
    parts: list[list[str]] = [[] for _ in range(shards)]
    for file in files:
        parts[file.shard(shards)].extend([repr(file), hashes.get(file.path, "")])
    return [text_sha256(*part) for part in parts]


def _hashes(files: Sequence[SourceFile], results: Path) -> dict[Path, str]:
    local = [file.path for file in files if file.url is None]
    return cached_hashes(local, results / "work" / "file-hashes.json")
