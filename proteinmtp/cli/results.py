"""A results folder as the workflow leaves it: the only place of this package that knows what lies where in one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ConfigDict

from proteinmtp.base.errors import DataError, UserError
from proteinmtp.base.files import file_sha256
from proteinmtp.config import run_of
from proteinmtp.scoring.compare import Result, result
from proteinmtp.scoring.statistics import Unit, resampling_unit
from proteinmtp.tables.benchmarks import read_costs
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.parquet import check_origin
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.record import Record, checked_values
from proteinmtp.tables.report_summary import ReportSummary
from proteinmtp.tables.run_manifest import Listed, Made, RunManifest
from proteinmtp.tables.saved_files import SavedRun
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.split_summary import SplitSummary

if TYPE_CHECKING:  # torch takes seconds, and most commands do without
    from proteinmtp.folding.artefact import Opened
    from proteinmtp.folding.card import Facts
    from proteinmtp.report.figures.data import FigureData, Pretraining


class ResultsError(UserError):
    """A folder without what is asked of it."""


RECORDED = {"model.json": "model", "files.json": "structures", "proteinmtp.json": ""}
"""Records of the files of a folder, and what the folder beside them is called; "": that in which they lie."""


RUN_MANIFEST = Path("report", "run_manifest.json")


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


def read_facts(opened: "Opened") -> "tuple[Facts, str]":
    """Read what a results folder says of the model in one of its runs.

    Returns:
        What is known, and in words why the scores are not; "" if they are.

    Raises:
        DataError: if the report or the split is from another version.
    """
    from proteinmtp.folding.card import Facts

    record, results = opened.record, opened.folder.resolve().parent.parent.parent
    summary, split = results / "report" / "summary.json", results / "data" / "split.json"
    if not summary.is_file() or not split.is_file():
        return Facts(), "no report was found beside the run"
    scores = ReportSummary.read(summary)
    if scores.models.get(record.run) != record.trained or run_of(record.run) not in scores.runs:
        return Facts(), f"{summary} is not about this model; make the report first"
    return Facts(scores=scores, split=SplitSummary.read(split)), ""


def read_figure_data(path: Path) -> "FigureData":
    """Read what the figures of the report of a results folder are drawn from.

    Raises:
        ResultsError: if there is no report.
        DataError: if a table cannot be read, or is from another version.
    """
    from proteinmtp.report.figures.data import FigureData

    summary = read_summary(path)
    metrics = list(METRICS.read(path / "report" / "metrics.parquet"))
    split = path / "data" / "split.parquet"
    return FigureData(
        runs=list(dict.fromkeys([*(run_of(row.run) for row in metrics), *summary.runs])),
        metrics=metrics,
        lengths=summary.lengths,
        trusted=summary.confidence,
        history=list(HISTORY.read(*_of_runs(path, summary, "history.parquet"))),
        pretraining=list(_pretraining(path, summary)),
        costs=read_costs(path / "benchmarks"),
        chains=list(SPLIT.read(split)) if split.is_file() else [],
    )


def _of_runs(path: Path, summary: ReportSummary, name: str) -> list[Path]:
    """Return a file of each training of a report that has it."""
    return [file for run in summary.models if (file := path / "runs" / run / name).is_file()]


def _pretraining(path: Path, summary: ReportSummary) -> "Iterator[Pretraining]":
    """Yield the pretrained backbones that runs of a report use; their labels name the runs."""
    from proteinmtp.report.figures.data import Pretraining

    users: dict[str, list[str]] = {}
    for file in _of_runs(path, summary, "model.json"):
        run = SavedRun.read(file)
        users.setdefault(run.backbone, []).append(run_of(run.run))
    for record in sorted(path.glob("pretrained/*/model.json")):
        runs, history = users.get(file_sha256(record)), record.parent / "history.parquet"
        if runs and history.is_file():
            yield Pretraining(
                label=", ".join(dict.fromkeys(runs)),
                history=list(HISTORY.read(history)),
                summary=PretrainingSummary.read(record.parent / "summary.json"),
            )


@dataclass(frozen=True)
class Checked:
    """What became of the check of a file: `problem` is None where it is as it was written, or has no checksum."""

    path: Path
    problem: str | None = None
    has_checksum: bool = True


def check_files(path: Path) -> Iterator[Checked]:
    """Check the tables and records of a results folder, and the files of backbones, models and the demo.

    What a run manifest lists is checked against it. Other files are not looked at, nor what lies in `work`, which is of
    no use to a finished result.

    Raises:
        ResultsError: if there is no such file.
    """
    checked = 0
    for root, folders, names in os.walk(path, followlinks=True):
        here = Path(root)
        described = {folder for record, folder in RECORDED.items() if record in names}
        folders[:] = sorted({*folders} - described - ({"work"} if here == path else set()))
        for name in sorted(names):
            if name.endswith((".parquet", ".json")):
                yield from _check(here / name)
                checked += 1
    yield from check_listed(path)
    if not checked:
        raise ResultsError(f"{path} holds no tables and no records; name a results folder")


def run_manifest(results: Path) -> tuple[RunManifest, datetime]:
    """Return what a results folder comes from, and when that was written.

    Raises:
        ResultsError: if the folder has none.
        DataError: if it is from another version.
    """
    path = results / RUN_MANIFEST
    if not path.is_file():
        raise ResultsError(f"{results} holds no {RUN_MANIFEST}; run the workflow to its end first")
    return RunManifest.read(path), datetime.fromtimestamp(path.stat().st_mtime, UTC)


def check_listed(results: Path) -> Iterator[Checked]:
    """Check what the run manifest lists, also what has no checksum of its own: pages, structures, CSV."""
    listing = results / RUN_MANIFEST
    for name, made in Listed.read(listing).outputs.items() if listing.is_file() else ():
        path = results / name
        if not path.exists() or Made.of(path) != made:
            what = "is not what the last whole run made" if path.exists() else "is missing"
            yield Checked(path, f"{path} {what}: delete it and start the workflow again")
        else:
            yield Checked(path)


def _check(file: Path) -> Iterator[Checked]:
    try:
        if file.suffix == ".parquet":
            yield Checked(file, has_checksum=check_origin(file))
            return
        _, has_checksum = checked_values(file)
        described = _Files.read(file).files if file.name in RECORDED else {}
    except (DataError, OSError, ValueError) as error:
        yield Checked(file, " ".join(str(error).split()))
        return
    yield Checked(file, has_checksum=has_checksum)
    folder = file.parent / RECORDED.get(file.name, "")
    for name, digest in described.items():
        same = (folder / name).is_file() and file_sha256(folder / name) == digest
        yield Checked(folder / name, None if same else f"{folder / name} is missing or changed since it was made")


def _unit(split_summary: Path) -> Unit:
    """Return what a bootstrap draws under the split of a results folder; clusters if the folder does not say."""
    return resampling_unit(_Method.read(split_summary).method if split_summary.is_file() else "")
