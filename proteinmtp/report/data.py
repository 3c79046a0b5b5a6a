"""Everything that the report shows, computed from the rows of tables, and the part of it that is written as JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from proteinmtp.config import Config, RunConfig
from proteinmtp.report import standing
from proteinmtp.report.experiments import Experiment, experiments
from proteinmtp.scoring.statistics import Bootstrap, Summary, of_run, resampling_unit
from proteinmtp.tables.benchmarks import CostRow
from proteinmtp.tables.comparator_listing import ComparatorListing
from proteinmtp.tables.folded import FoldSummary
from proteinmtp.tables.history import HistoryRow
from proteinmtp.tables.metrics import MetricsRow
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.quarantine import QuarantineRow
from proteinmtp.tables.relatives import RelativeRow
from proteinmtp.tables.report_summary import ReportSummary
from proteinmtp.tables.saved_files import SavedRun
from proteinmtp.tables.split import SplitRow
from proteinmtp.tables.split_summary import SplitSummary
from proteinmtp.tables.views import ViewRow


@dataclass(frozen=True, kw_only=True)
class ReportTables:
    """What is reported.

    Attributes:
        config: the whole configuration.
        settings: of each training, with nothing left open.
        shown: what each run and each comparator is, by name, in their order.
        nulls: what each null is, by name.
        beside: for each run and comparator the nulls that it is set beside.
        metrics: scores of all runs, comparators and nulls.
        views: reads the chains that can be opened, of each run; of thousands they are too many to be held.
        history: of the trained runs.
        runs: what was trained.
        pretrained: for trainings with a pretrained backbone its name.
        pretraining: what each of these learnt, by name.
        pretraining_history: of these, by name.
        comparators: what became of the files of each.
        folds: what each training made of sequences without a structure.
        quarantine: what was not used.
        chains: of all subsets.
        relatives: of each test chain that has one, the nearest training chain.
        split: the division of the chains, and the books.
        costs: time and memory of each stage.
        commit: of the checkout; "" if it is not known.
    """

    config: Config
    settings: Mapping[str, RunConfig]
    shown: Mapping[str, str]
    nulls: Mapping[str, str]
    beside: Mapping[str, Sequence[str]]
    metrics: Sequence[MetricsRow]
    views: Callable[[], Iterable[ViewRow]]
    history: Sequence[HistoryRow]
    runs: Sequence[SavedRun]
    pretrained: Mapping[str, str]
    pretraining: Mapping[str, PretrainingSummary]
    pretraining_history: Mapping[str, Sequence[HistoryRow]]
    comparators: Sequence[ComparatorListing]
    folds: Sequence[FoldSummary]
    quarantine: Sequence[QuarantineRow]
    chains: Sequence[SplitRow]
    relatives: Sequence[RelativeRow]
    split: SplitSummary
    costs: Sequence[CostRow]
    commit: str


@dataclass(frozen=True, kw_only=True)
class ReportData(ReportTables):
    """What is reported, and what follows from it.

    Attributes:
        bootstrap: how intervals were drawn.
        summaries: by run, comparator or null, by metric.
        differences: of the runs to the nulls, to comparators and to the first run.
        lengths: summaries in bins of length.
        trusted: how far confidence can be trusted, of the runs that predict it.
        experiments: what became of the hypotheses.
        models: by training, a hash of the files of its model.
    """

    bootstrap: Bootstrap
    summaries: Mapping[str, Mapping[str, Summary]]
    differences: standing.Differences
    lengths: standing.Lengths
    trusted: standing.Trusted
    experiments: Sequence[Experiment]
    models: Mapping[str, str]


def report_data(tables: ReportTables) -> ReportData:
    """Return the report of what is in the tables."""
    config = tables.config
    bootstrap = Bootstrap(
        unit=resampling_unit(config.split.method),
        samples=config.report.bootstrap_samples,
        seed=config.seed,
        margin=config.report.equivalence,
    )
    names = [*tables.shown, *tables.nulls]
    models = {item.run: item.digest for item in tables.runs}
    # Of the trainings of a run with other seeds, scores and curves are shown.
    tables = replace(
        tables,
        runs=[item for item in tables.runs if item.run in names],
        pretrained={run: backbone for run, backbone in tables.pretrained.items() if run in names},
    )
    rows = {run: of_run(tables.metrics, run) for run in names}
    return ReportData(
        **vars(tables),
        bootstrap=bootstrap,
        summaries=standing.summaries(rows, bootstrap),
        differences=standing.differences(rows, tables.beside, [item.name for item in tables.comparators], bootstrap),
        lengths=standing.by_length(rows, bootstrap),
        trusted=standing.trusted(rows),
        experiments=experiments(config.runs, tables.metrics, bootstrap),
        models=models,
    )


def summary(data: ReportData) -> ReportSummary:
    """Return the numbers of the report as they are written to `summary.json`."""
    return ReportSummary.model_validate(
        {
            "runs": data.summaries,
            "differences": data.differences,
            "lengths": data.lengths,
            "confidence": data.trusted,
            "experiments": [_experiment(item) for item in data.experiments],
            "subset": data.config.evaluate.subset,
            "models": data.models,
        },
        from_attributes=True,
    )


def _experiment(item: Experiment) -> dict[str, object]:
    entry, result = item.entry, item.result
    return {
        "run": entry.name,
        "question": entry.question,
        "hypothesis": entry.hypothesis,
        "against": entry.against,
        "expects": entry.expects,
        "metric": None if result is None else result.metric.name,
        "ours": None if result is None else result.ours,
        "theirs": None if result is None else result.theirs,
        "difference": None if result is None else result.difference,
        "verdict": item.verdict,
    }
