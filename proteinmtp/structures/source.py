"""The contract of sources: where structure files come from.

One module of `proteinmtp.structures.sources`, or one of yours named in `source.kind` of the config, is one. It defines
a class `Source`. Its settings are the keyword-only parameters of its constructor: keys of its section of the config,
the options of `source.options`, and `results`, the results folder, for a source that keeps files there.

What cannot be used is listed too, with its problem, so that every entry ends either as chains or in quarantine.
"""

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proteinmtp.base.errors import UserError
from proteinmtp.structures.refusals import Refusal, Refused


class SourceError(UserError):
    """A source that cannot be read at all."""


@dataclass(frozen=True)
class SourceFile:
    """One structure file and what its source knows of it.

    Attributes:
        entry_id: its name in all tables; letters, digits, `.` and `-` only.
        path: where it is, or will be.
        url: where it is fetched from, or None.
        version: what tells that the file at `url` is another than before, such as its ETag, or None.
        problem: why it is not read, or None.
        resolution: angstrom, or None.
        year: of release, or None.
        affinity: -log10 of Kd, Ki or IC50 in mol/l, or None.
        uniprot: accession, or None.
    """

    entry_id: str
    path: Path
    url: str | None = None
    version: str | None = None
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


class SourceBase(ABC):
    """A source of structure files; the module defines it as a class `Source`."""

    @abstractmethod
    def list_files(self) -> list[SourceFile]:
        """Return all entries; of the network ask no more than for a listing, since each job asks again.

        Raises:
            SourceError: if there is no such place, or nothing in it.
        """

    def fetch(self, files: Sequence[SourceFile]) -> list[SourceFile]:
        """Make or download the files of a shard, and return them, with `problem` set where that failed.

        Parameters:
            files: some of the entries that `list_files` returned.
        """
        return list(files)
