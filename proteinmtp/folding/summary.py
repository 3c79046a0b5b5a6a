"""Tables of what was folded and what was not; nothing of the model is loaded for them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import polars as pl

from proteinmtp.base.files import atomic, file_name
from proteinmtp.tables.folded import FoldRecord, Refusal

STRUCTURES = "structures"
"""Folder of the structures beside the tables."""
FORMATS = (".cif", ".pdb")
"""How the files of a structure end."""
SCORES = (
    "length",
    "mean_confidence",
    "expected_lddt",
    "energy",
    "hand_margin",
    "mixed_hand",
    "stress",
    "method",
    "start",
)
"""What `Folded.scores` gives, in the order of tables."""


def mean_confidence(records: Sequence[FoldRecord]) -> float | None:
    """Return the mean over sequences of the mean confidence of each; None if the model says none."""
    known = [fmean(record.confidence) for record in records if record.confidence]
    return fmean(known) if known else None


def write_refused(path: Path, refused: Sequence[Refusal]) -> None:
    """Write a table of what was not folded, CSV."""
    _write(path, [refusal.model_dump() for refusal in refused], ("record", "name", "reason"))


def write_summary(path: Path, records: Sequence[FoldRecord], places: Mapping[str, str] = {}) -> None:
    """Write a table of what was folded, CSV.

    Parameters:
        path: of the table.
        records: of the sequences, in the order of the rows.
        places: folder of the structures of a sequence, by its name, if it is not the usual one.
    """
    _write(
        path,
        [
            {"name": record.name, "file": f"{places.get(record.name, STRUCTURES)}/{file_name(record.name, '.cif')}"}
            | {name: record.scores.get(name) for name in SCORES}
            | {"note": record.note}
            for record in records
        ],
        ("name", "file", *SCORES, "note"),
    )


def _write(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    rows = list(rows)
    table = pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame({name: [] for name in columns})
    with atomic(path) as temporary:
        table.write_csv(temporary)
