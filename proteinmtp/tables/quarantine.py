"""Quarantine: files and chains that are not used, with the reason."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.tables.parquet import TEXT, Table
from proteinmtp.tables.summary import Section


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


def describe(path: Path) -> list[Section]:
    """Count the rows by code, each with the first of its sentences."""
    example: dict[str, QuarantineRow] = {}
    count: Counter[str] = Counter()
    for row in QUARANTINE.read(path):
        example.setdefault(row.code, row)
        count[row.code] += 1
    rows = [(code, f"{n:,}", example[code].entry_id, example[code].message) for code, n in count.most_common()]
    return [Section("refused, by reason", ("code", "rows", "for example", "message"), rows)]
