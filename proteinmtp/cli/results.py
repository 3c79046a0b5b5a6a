"""A results folder as the workflow leaves it: the only place of this package that knows what lies where in one."""

from pathlib import Path

from pydantic import ConfigDict

from proteinmtp.base.errors import UserError
from proteinmtp.scoring.compare import Result, result
from proteinmtp.scoring.statistics import Unit, resampling_unit
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.record import Record
from proteinmtp.tables.report_summary import ReportSummary


class ResultsError(UserError):
    """A folder without what is asked of it."""


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


def _unit(split_summary: Path) -> Unit:
    """Return what a bootstrap draws under the split of a results folder; clusters if the folder does not say."""
    return resampling_unit(_Method.read(split_summary).method if split_summary.is_file() else "")
