"""Records: small JSON files with one typed object each, and the sha256 of what they say."""

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import text_sha256, write_json
from proteinmtp.tables.checksum import damaged

CHECKSUM = "sha256"


class Record(BaseModel):
    """Base of the records; immutable, strict, and read as it was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def write(self, path: Path) -> None:
        """Write this record as JSON with sorted keys."""
        values = self.model_dump(mode="json")
        write_json(path, values | {CHECKSUM: _digest(values)})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; a record of an older version has no checksum and is taken as it is.

        Raises:
            DataError: naming a file that cannot be read, holds something else, or was changed.
        """
        try:
            values, _ = checked_values(path)
            return cls.model_validate_json(json.dumps(values))
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{path} cannot be read: {reason}; delete it and make it again") from error


def checked_values(path: Path) -> tuple[Any, bool]:
    """Return what a record says, without its checksum, and whether it has one.

    Raises:
        OSError, ValueError: if it is no JSON.
        DataError: if it was changed.
    """
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict) or CHECKSUM not in values:
        return values, False
    if values.pop(CHECKSUM) != _digest(values):
        raise damaged(path)
    return values, True


def _digest(values: dict[str, Any]) -> str:  # JSON as it was read
    return text_sha256(json.dumps(values, sort_keys=True))
