"""Many sequences into a folder: a file is complete when it is there, so a call that was stopped goes on.

structures/<name>.cif, .pdb    the trace, confidence as B-factors
structures/<name>.json         what the model says of it; written last, so it says that the others are complete
maps/<name>.parquet            if asked for: distances, their deviation and contact probabilities of the pairs i < j
plots/<name>.png               if asked for: a picture of distances and confidence

`proteinmtp.folding.summary` writes summary.csv, with a row for each sequence, and refused.csv beside them.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import file_name, text_sha256
from proteinmtp.base.logs import Progress
from proteinmtp.folding.model import Folded, FoldingModel
from proteinmtp.folding.sequences import Target
from proteinmtp.folding.summary import FORMATS, STRUCTURES
from proteinmtp.tables.folded import FoldRecord
from proteinmtp.tables.parquet import HALFS, INT, TEXT, Table

EXTRAS = {"maps": ".parquet", "plots": ".png"}
"""What is written beside the structures if it is asked for: folder, and how its files end."""
WORTH_WORKERS = 500_000
"""Entries of the L x L matrices of all sequences, from which on the start of processes is worth its seconds."""


@dataclass(frozen=True, kw_only=True)
class MapsRow:
    """What a model says of the pairs of one sequence."""

    name: Annotated[str, TEXT, "of the sequence"]
    length: Annotated[int, INT, "L, residues"]
    distance: Annotated[np.ndarray, HALFS, "(P,) predicted C-alpha distances of the pairs i < j, row by row, angstrom"]
    sigma: Annotated[np.ndarray | None, HALFS, "(P,) their standard deviation, angstrom"]
    contact: Annotated[np.ndarray | None, HALFS, "(P,) probability of a distance below 8 angstrom"]


MAPS_TABLE = Table("maps", MapsRow, ("name", "distance"))


def fold_into(
    out: Path,
    model: FoldingModel,
    targets: Sequence[Target],
    *,
    overwrite: bool = False,
    extras: Collection[str] = (),
    workers: int = 1,
) -> list[FoldRecord]:
    """Fold each sequence that is not done, and return the records of all in their order.

    Parameters:
        out: folder.
        model: that folds.
        targets: sequences with names that differ.
        overwrite: fold again what is done.
        extras: which of `EXTRAS` are written, too.
        workers: processes that rebuild traces, if it is worth starting them.
    """
    before = {} if overwrite else {target.name: _done(out, model, target, extras) for target in targets}
    done = {name: record for name, record in before.items() if record is not None}
    if done:
        logging.info("%d of %d sequences are done already", len(done), len(targets))
    waiting = [target for target in targets if target.name not in done]
    done |= {record.name: record for record in _folded(out, model, waiting, extras=extras, workers=workers)}
    return [done[target.name] for target in targets]


def _folded(
    out: Path, model: FoldingModel, targets: Sequence[Target], *, extras: Collection[str], workers: int
) -> Iterator[FoldRecord]:
    if sum(len(target.sequence) ** 2 for target in targets) < WORTH_WORKERS:
        workers = 1
    meter = Progress("fold", len(targets))
    of_name = {target.name: target for target in targets}
    for folded in model.fold_each(targets, workers=workers):
        target = of_name[folded.name]
        # The record first, since it says that the rest is complete. What an earlier call drew of the same trace stays.
        stale = extras if _same(out, model, target) else EXTRAS
        for path in (_record_of(out, target.name), *_files_of(out, target.name, stale)):
            path.unlink(missing_ok=True)
        for suffix in FORMATS:
            folded.write(out / STRUCTURES / file_name(target.name, suffix))
        for extra in extras:
            _write_extra(extra, out / extra / file_name(target.name, EXTRAS[extra]), folded)
        record = FoldRecord(
            name=target.name,
            sequence=target.sequence,
            note=target.note,
            model=model.name,
            key=_key(model, target),
            scores=folded.scores(),
            confidence=None if folded.confidence is None else np.round(folded.confidence, 2).tolist(),
        )
        record.write(_record_of(out, target.name))
        yield record
        meter.step()
    meter.close()


def _done(out: Path, model: FoldingModel, target: Target, extras: Collection[str]) -> FoldRecord | None:
    """Return the record of a sequence of which all files are there, by this model."""
    record = _same(out, model, target)
    return record if all(file.is_file() for file in _files_of(out, target.name, extras)) else None


def _same(out: Path, model: FoldingModel, target: Target) -> FoldRecord | None:
    """Return the record that an earlier call wrote of the same sequence and the same model, if there is one."""
    path = _record_of(out, target.name)
    if not path.is_file():
        return None
    try:
        record = FoldRecord.read(path)
    except DataError:  # damaged, or of another version: it is made again
        return None
    return record if record.key == _key(model, target) else None


def _record_of(out: Path, name: str) -> Path:
    return out / STRUCTURES / file_name(name, ".json")


def _files_of(out: Path, name: str, extras: Collection[str]) -> list[Path]:
    """Return the files of a sequence beside its record."""
    files = [out / STRUCTURES / file_name(name, suffix) for suffix in FORMATS]
    return files + [out / extra / file_name(name, EXTRAS[extra]) for extra in extras]


def _key(model: FoldingModel, target: Target) -> str:
    return text_sha256(target.name, target.sequence, target.note, model.key)


def _write_extra(extra: str, path: Path, folded: Folded) -> None:
    if extra == "plots":
        from proteinmtp.folding.plot import write_plot  # matplotlib takes a second

        write_plot(path, folded)
        return
    prediction = folded.prediction
    MAPS_TABLE.write(
        path,
        [
            MapsRow(
                name=folded.name,
                length=len(folded.sequence),
                distance=prediction.triu,
                sigma=prediction.sigma,
                contact=prediction.contact,
            )
        ],
    )
