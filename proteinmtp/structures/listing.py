"""What a source holds: its entries in the order of their ids, a digest for each shard, and the rows of the manifest."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from proteinmtp.base import plugins
from proteinmtp.base.files import cached_hashes, readable_sha256, text_sha256
from proteinmtp.config import SourceConfig
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.source import SourceBase, SourceError, SourceFile
from proteinmtp.tables.manifest import ManifestRow

SOURCES = "proteinmtp.structures.sources"


def load_source(config: SourceConfig, results: Path) -> SourceBase:
    """Return the source that a configuration names, with its settings.

    Parameters:
        config: kind of the source, its section, and options of one's own.
        results: the results folder.

    Raises:
        PartError: if there is no such source, or it does not take the options.
    """
    part = plugins.load(SOURCES, config.kind, "Source", SourceBase)
    section = getattr(config, config.kind, None)
    settings = dict(section) if isinstance(section, BaseModel) else {}
    return part(**plugins.options_of(part, settings | {"results": results}, config.options, "source.options"))


def list_source(config: SourceConfig, results: Path) -> list[SourceFile]:
    """Return the entries of a source in the order of their ids; of files with equal bytes only the first is used.

    Parameters:
        config: of the source.
        results: the results folder; the hashes of files are kept below it.

    Raises:
        PartError: if there is no such source.
        SourceError: if there is nothing in it, or two entries have one id.
    """
    files = sorted(load_source(config, results).list_files(), key=lambda file: file.entry_id)
    for one, other in pairwise(files):
        if one.entry_id == other.entry_id:
            raise SourceError(f"{one.path} and {other.path} are both entry {one.entry_id}; give them different names")
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


def manifest_rows(files: Sequence[SourceFile], source: str) -> Iterator[ManifestRow]:
    """Yield a row of the manifest for each file of a source of that kind, with size and hash of the file."""
    for file in files:
        yield ManifestRow(
            entry_id=file.entry_id,
            path=str(file.path).encode(errors="backslashreplace").decode(),
            bytes=_size(file.path),
            sha256=readable_sha256(file.path),
            source=source,
            url=file.url,
            code=file.problem.code if file.problem else None,
            message=file.problem.message if file.problem else None,
            resolution=file.resolution,
            year=file.year,
            affinity=file.affinity,
            uniprot=file.uniprot,
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _hashes(files: Sequence[SourceFile], results: Path) -> dict[Path, str]:
    local = [file.path for file in files if file.url is None]
    return cached_hashes(local, results / "work" / "file-hashes.json")
