"""The shards of a table: a folder and how many files of it count.

Written as `FOLDER:COUNT`, so that a thousand of them fit a command line, and what was left behind by a larger number of
shards is never read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from proteinmtp.base.errors import UserError


@dataclass(frozen=True)
class Shards(Sequence[Path]):
    """The files `000.parquet`, `001.parquet` and so on of a folder, so many of them."""

    folder: Path
    number: int

    @classmethod
    def parse(cls, text: str) -> "Shards":
        """Return the shards that a text `FOLDER:COUNT` names.

        Raises:
            UserError: if the text is not of that form.
        """
        folder, _, count = text.rpartition(":")
        if not folder or not count.isdecimal():
            raise UserError(f"{text!r} names no shards; write FOLDER:COUNT, such as results/data/chains:4")
        return cls(Path(folder), int(count))

    def __str__(self) -> str:
        return f"{self.folder}:{self.number}"

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self.number))]
        if not -self.number <= index < self.number:
            raise IndexError(f"{self} has no shard {index}")
        return self.folder / f"{index % self.number:03d}.parquet"
