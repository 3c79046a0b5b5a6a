"""A results folder as the workflow leaves it: the only place of this package that knows what lies where in one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict

from proteinmtp.base.errors import DataError, UserError
from proteinmtp.base.files import file_sha256
from proteinmtp.scoring.compare import Result, result
from proteinmtp.scoring.statistics import Unit, resampling_unit
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.parquet import check_origin
from proteinmtp.tables.record import Record, checked_values
from proteinmtp.tables.report_summary import ReportSummary


class ResultsError(UserError):
    """A folder without what is asked of it."""


RECORDED = {"model.json": "model", "files.json": "structures"}
"""Records of the files of a folder, and what the folder beside them is called."""


class _Files(Record):
    """What is read of a record of files."""

    model_config = ConfigDict(extra="ignore")

    files: dict[str, str]


class _Method(Record):
    """What is read of a split's summary, which may be one of an older version."""

    model_config = ConfigDict(extra="ignore")

    method: str = ""


def read_result(path: Path, run: str | None = None) -> Result:
    """Read the scores of one run.

    Parameters:
        path: a results folder or a table of scores.
        run: its name; may be left out if there is one run, nulls not counted.

    Raises:
        ResultsError: if there are no scores.
        CompareError: if none or several runs fit.
        DataError: if a table cannot be read, or is none of scores.
    """
    if path.is_dir():
        whole = path / "report" / "metrics.parquet"
        tables = [whole] if whole.is_file() else sorted(path.glob("runs/*/metrics.parquet"))
        if not tables:
            raise ResultsError(f"{path} holds no scores: neither report/metrics.parquet nor runs/*/metrics.parquet")
        unit = _unit(path / "data" / "split.json")
    else:
        tables, unit = [path], resampling_unit("")
    return result(str(path), list(METRICS.read(*tables)), run=run, unit=unit)


def read_summary(path: Path) -> ReportSummary:
    """Read the summary of the report of a results folder.

    Raises:
        ResultsError: if there is none.
        DataError: if it is from another version.
    """
    summary = path / "report" / "summary.json"
    if not summary.is_file():
        raise ResultsError(f"{path} holds no report/summary.json; make the report first")
    return ReportSummary.read(summary)


@dataclass(frozen=True)
class Checked:
    """What became of the check of a file; `problem` is None where it is as it was written."""

    path: Path
    problem: str | None


def check_files(path: Path) -> Iterator[Checked]:
    """Check each file of a results folder that carries a checksum, or whose checksum a record holds.

    These are tables, records, and the files of backbones, models and the demo; other files have none. What lies in
    `work` is of no use to a finished result and left alone.

    Raises:
        ResultsError: if there is no such file.
    """
    here = [file for file in sorted(path.rglob("*")) if file.is_file() and file.relative_to(path).parts[0] != "work"]
    described = {record.parent / RECORDED[record.name] for record in here if record.name in RECORDED}
    checked = 0
    for file in here:
        if file.suffix in (".parquet", ".json") and not described.intersection(file.parents):
            yield from _check(file)
            checked += 1
    if not checked:
        raise ResultsError(f"{path} holds no tables and no records; name a results folder")


def _check(file: Path) -> Iterator[Checked]:
    try:
        if file.suffix == ".parquet":
            check_origin(file)
        else:
            checked_values(file)
    except DataError as error:
        yield Checked(file, str(error))
        return
    except (OSError, ValueError) as error:
        yield Checked(file, f"{file} cannot be read: {error}")
        return
    yield Checked(file, None)
    if file.name in RECORDED:
        folder = file.parent / RECORDED[file.name]
        for name, digest in _Files.read(file).files.items():
            same = (folder / name).is_file() and file_sha256(folder / name) == digest
            yield Checked(folder / name, None if same else f"{folder / name} is missing or changed since it was made")


def _unit(split_summary: Path) -> Unit:
    """Return what a bootstrap draws under the split of a results folder; clusters if the folder does not say."""
    return resampling_unit(_Method.read(split_summary).method if split_summary.is_file() else "")
