"""Write the report: one HTML file, its numbers as JSON, and the table of all scores as Parquet and CSV."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from proteinmtp.base.files import atomic
from proteinmtp.config import Config, RunConfig, Section
from proteinmtp.report.data import ReportTables, report_data, summary
from proteinmtp.report.page import page
from proteinmtp.tables.benchmarks import read_costs
from proteinmtp.tables.comparator_listing import ComparatorListing
from proteinmtp.tables.folded import FoldSummary
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.metrics import METRICS, write_csv
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.relatives import RELATIVES
from proteinmtp.tables.saved_files import SavedRun
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.split_summary import SplitSummary
from proteinmtp.tables.views import VIEWS


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    metrics: Annotated[tuple[Path, ...], "scores of each run, comparator and null"]
    views: Annotated[tuple[Path, ...], "chains that can be opened, of each of them"]
    history: Annotated[tuple[Path, ...], "training history of each run"]
    records: Annotated[tuple[Path, ...], "record of each trained run"]
    pretraining: Annotated[tuple[Path, ...], "what each pretrained backbone learnt"]
    pretraining_history: Annotated[tuple[Path, ...], "and its losses, in the same order"]
    comparators: Annotated[tuple[Path, ...], "what became of the files of each comparator"]
    folds: Annotated[tuple[Path, ...], "what each run made of sequences without a structure"]
    quarantine: Annotated[Shards, "shards of what was not used"]
    split: Annotated[Path, "table of the subsets"]
    relatives: Annotated[Path, "nearest training chain of each test chain that has one"]
    split_summary: Annotated[Path, "summary of the split"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    html: Annotated[Path, "the page"]
    summary: Annotated[Path, "its numbers, JSON"]
    table: Annotated[Path, "the scores of all chains"]
    csv: Annotated[Path, "those that are one number, as CSV"]


class Shown(Section):
    """A run, a comparator or a null as the report names it."""

    name: str
    description: str


class Options(Section):
    """The configuration, the settings of its runs, and what is shown in which order: runs, comparators, then nulls.

    The runs with a pretrained backbone have its name. `beside` names the nulls that each run is set beside; comparators
    stand beside all. `benchmarks` is the folder where Snakemake leaves what each job cost; "" for none.
    `commit` is that of the checkout, "" if it is none of git.
    """

    config: Config
    settings: dict[str, RunConfig]
    pretrained: dict[str, str]
    shown: list[Shown]
    nulls: list[Shown]
    beside: dict[str, list[str]]
    benchmarks: str = ""
    commit: str = ""


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Report on everything that was scored."""
    metrics = list(METRICS.read(*inputs.metrics))
    nulls = [null.name for null in options.nulls]
    pretraining = [PretrainingSummary.read(path) for path in inputs.pretraining]
    data = report_data(
        ReportTables(
            config=options.config,
            settings=options.settings,
            shown={item.name: item.description for item in options.shown},
            nulls={null.name: null.description for null in options.nulls},
            beside={item.name: options.beside.get(item.name, nulls) for item in options.shown},
            metrics=metrics,
            views=partial(VIEWS.read, *inputs.views),
            history=list(HISTORY.read(*inputs.history)),
            runs=[SavedRun.read(path) for path in inputs.records],
            pretrained=options.pretrained,
            pretraining={item.name: item for item in pretraining},
            pretraining_history={
                item.name: list(HISTORY.read(path))
                for item, path in zip(pretraining, inputs.pretraining_history, strict=True)
            },
            comparators=[ComparatorListing.read(path) for path in inputs.comparators],
            folds=[FoldSummary.read(path) for path in inputs.folds],
            quarantine=list(QUARANTINE.read(*inputs.quarantine)),
            chains=list(SPLIT.read(inputs.split)),
            relatives=list(RELATIVES.read(inputs.relatives)),
            split=SplitSummary.read(inputs.split_summary),
            costs=read_costs(Path(options.benchmarks)) if options.benchmarks else [],
            commit=options.commit,
        )
    )
    METRICS.write(outputs.table, metrics)
    write_csv(outputs.csv, metrics)
    summary(data).write(outputs.summary)
    with atomic(outputs.html) as temporary:
        temporary.write_text(page(data), encoding="utf-8")
    logging.info("report: %s", outputs.html)
