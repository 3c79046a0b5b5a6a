"""The input of a shard of stage parse, counted in the metadata of its chains.

Stage split adds up all shards and checks that every file and every polymer is a chain or in quarantine.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from proteinmtp.base.errors import DataError
from proteinmtp.tables.parquet import read_metadata

REPAIRED = "repaired_"


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The input of a shard of stage parse, counted before anything is judged.

    Attributes:
        files: rows of the manifest.
        chains: polymers of these files.
        repaired: files by the name of the harmless defect that was repaired in them.
    """

    files: int
    chains: int
    repaired: Mapping[str, int] = field(default_factory=Counter)

    def metadata(self) -> dict[str, int]:
        """Return the metadata of a file of chains."""
        repaired = {f"{REPAIRED}{name}": self.repaired[name] for name in sorted(self.repaired)}
        return {"files_in": self.files, "chains_in": self.chains, **repaired}

    @classmethod
    def read(cls, chains: Path) -> Self:
        """Read the counts from a shard of chains.

        Raises:
            DataError: if the file cannot be read, or lacks them.
        """
        metadata = read_metadata(chains)
        if not {"files_in", "chains_in"} <= metadata.keys():
            raise DataError(
                f"{chains} lacks the numbers of files and chains that were read; delete it and make it again"
            )
        repaired = {
            key.removeprefix(REPAIRED): int(value) for key, value in metadata.items() if key.startswith(REPAIRED)
        }
        return cls(files=int(metadata["files_in"]), chains=int(metadata["chains_in"]), repaired=repaired)
