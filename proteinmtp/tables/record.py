"""Records: small JSON files with one typed object each."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import write_json


class Record(BaseModel):
    """Base of the records; immutable, strict, and read as it was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def write(self, path: Path) -> None:
        """Write this record as JSON with sorted keys."""
        write_json(path, self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            DataError: naming a file that cannot be read or holds something else.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{path} cannot be read: {reason}; delete it and make it again") from error
