"""Quarantine: files and chains that are not used, with the reason."""

from dataclasses import dataclass
from typing import Annotated

from proteinmtp.tables.parquet import TEXT, Table


@dataclass(frozen=True, kw_only=True)
class QuarantineRow:
    """A file, or a chain of one, that is not used."""

    entry_id: Annotated[str, TEXT, "name of the entry"]
    chain: Annotated[str | None, TEXT, "name of the chain; null where the whole file is refused"]
    stage: Annotated[str, TEXT, "where it was refused: source, parse or validate"]
    code: Annotated[str, TEXT, "why, a short word"]
    message: Annotated[str, TEXT, "why, a sentence"]
    source_sha256: Annotated[str | None, TEXT, "of the file's bytes"]


QUARANTINE = Table("quarantine", QuarantineRow, QuarantineRow.__annotations__)
