"""The report: one HTML file that needs no network, and beside it the numbers as JSON and Parquet."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from proteinmtp.config.whole import NULLS, Config
from proteinmtp.tables.parquet import read_all, write_rows
from proteinmtp.scoring.confidence import AGAINST, Trust, trust
from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.tables.score_schemas_ import METRICS
from proteinmtp.scoring.statistics import Summary, resampling_unit
from proteinmtp.geometry import pairs, trace
from proteinmtp.predictors.null_stages_ import module_of
from proteinmtp.base.files import atomic, write_json
from proteinmtp.report import experiments, figures, standing

SPLITS = {
    "uniprot": "Whole UniProt accessions are held out: no test chain is a protein of training, though it may have "
    "relatives there. Chains without an accession go with their homology cluster.",
    "table": "Each chain is where a given table has it.",
    "year": "What came later is held out: the test asks for the proteins of later years, relatives of earlier ones "
    "among them.",
    "random": "Chains are drawn without regard to their relatives.",
    "cluster": "Whole homology clusters are held out: no test chain has a relative in training above the thresholds. "
    "This asks whether the model folds proteins unlike those it has seen.",
    "members": "Members of every cluster are held out, so each test chain has relatives in training. This asks "
    "whether the model recognises known folds, and says nothing about new ones.",
    "memorise": "Every chain is in training, validation and test alike. This checks the machinery; the scores say "
    "nothing about other proteins.",
}

SENTENCES = 12
"""Sentences on differences that are shown at once; where there are more, the reader unfolds them."""

LISTED = 50
"""Rows of each list of a comparator's files that are shown."""

PACKAGES = ("torch", "transformers", "peft", "accelerate", "gemmi", "pyarrow", "snakemake", "proteinmtp")


@dataclass(frozen=True)
class ReportFiles:
    """What the report reads and writes: tables of all runs, and three outputs.

    Attributes:
        metrics, examples: of each run and each null.
        history, models: history and manifest of each trained run.
        quarantine: shards.
        split_summary: JSON of the split stage.
        html, summary, table: outputs.
        comparators: what became of the files of each comparator.
    """

    metrics: Sequence[Path]
    examples: Sequence[Path]
    history: Sequence[Path]
    models: Sequence[Path]
    quarantine: Sequence[Path]
    split_summary: Path
    html: Path
    summary: Path
    table: Path
    comparators: Sequence[Path] = ()


def build_report(config: Config, files: ReportFiles) -> None:
    """Write HTML, summary and table; see `ReportFiles`."""
    metrics = list(read_all(files.metrics))
    names = [*config.descriptions(), *NULLS]
    summaries = standing.summaries(config, metrics, names)
    differences = standing.differences(config, metrics, names)
    lengths = standing.by_length(config, metrics, names)
    write_rows(files.table, METRICS, metrics)
    trusted = _trusted(metrics, names)
    tried = experiments.experiments(config, metrics)
    found = {"runs": summaries, "differences": differences, "lengths": lengths}
    write_json(files.summary, _plain(found | {"confidence": trusted, "experiments": tried}))
    html = _render(config, files, metrics, summaries, differences, lengths, trusted, tried)
    with atomic(files.html) as temporary:
        temporary.write_text(html, encoding="utf-8")
    logging.info("report: %s", files.html)


def _render(
    config: Config,
    files: ReportFiles,
    metrics: Sequence[dict[str, Any]],
    summaries: dict[str, dict[str, Summary]],
    differences: standing.Differences,
    lengths: dict[str, dict[str, dict[str, Summary]]],
    trusted: Mapping[str, Mapping[str, Trust]],
    tried: Sequence[experiments.Experiment],
) -> str:
    colour = figures.colours(list(summaries))
    descriptions = config.descriptions() | {null: str(module_of(null).DESCRIPTION) for null in NULLS}
    quarantine = list(read_all(files.quarantine, ["entry_id", "chain", "code", "message"]))
    history = list(read_all(files.history))
    scored = [row for row in metrics if row["tm_score"] is not None]
    examples = [
        {
            "row": row,
            "map": _figure(f"map-{at}", figures.distance_map(row)),
            "trace": _figure(f"trace-{at}", figures.trace(row, colour[row["run"]])),
        }
        for at, row in enumerate(read_all(files.examples))
    ]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        package_files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    return template.render(
        config=config,
        config_json=config.model_dump_json(indent=2),
        css=Markup(package_files(__package__).joinpath("report.css").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
        runs=[
            {
                "name": run,
                "is_null": run in NULLS,
                "colour": colour[run],
                "description": descriptions[run],
                "scores": of_run,
            }
            for run, of_run in summaries.items()
        ],
        metrics=METRICS_SHOWN,
        most=max(of_run["tm_score"].n for of_run in summaries.values()),
        long_range=pairs.LONG_RANGE,
        contact=pairs.CONTACT,
        medium_range=pairs.MEDIUM_RANGE,
        clash=pairs.CLASH,
        bond=trace.BOND,
        cis_bond=trace.CIS_BOND,
        bond_tolerance=trace.BOND_TOLERANCE,
        headlines=standing.HEADLINES,
        best={metric.name: _best(metric, summaries) for metric in METRICS_SHOWN},
        verdicts=standing.verdicts(differences),
        most_sentences=SENTENCES,
        differences=differences,
        by_length=lengths,
        bins=standing.bins_in_use(lengths),
        experiments=tried,
        compared=experiments.by_chance(tried),
        trusted=trusted,
        against=AGAINST,
        calibration=_figure("calibration", figures.calibration(trusted, colour)) if trusted else None,
        split=json.loads(files.split_summary.read_text(encoding="utf-8")),
        split_text=SPLITS[config.split.method],
        unit=resampling_unit(config.split.method).replace("_id", "s"),
        models=[json.loads(path.read_text(encoding="utf-8")) for path in files.models],
        comparators=[json.loads(path.read_text(encoding="utf-8")) for path in files.comparators],
        listed=LISTED,
        reasons=Counter(row["code"] for row in quarantine).most_common(),
        quarantine=quarantine[:200],
        quarantined=len(quarantine),
        curves=_figure("curves", figures.training_curves(history, colour)) if history else None,
        boxes=_figure("boxes", figures.score_distributions(scored, standing.HEADLINES, colour)) if scored else None,
        lengths=_figure("lengths", figures.score_by_length(scored, colour)) if scored else None,
        errors=_figure("errors", figures.errors_in_bins(scored, colour)) if scored else None,
        bars=_figure("bins", figures.score_in_bins(lengths, standing.HEADLINES, colour)) if scored else None,
        examples=examples,
        versions={package: _version(package) for package in PACKAGES},
    )


def _trusted(metrics: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, dict[str, Trust]]:
    """Return how far confidence can be trusted, by run and by what it is compared with; only runs that predict it."""
    found = {}
    for run in names:
        rows = [row for row in metrics if row["run"] == run]
        of_run = {against: trust(rows, against) for against in AGAINST}
        known = {against: item for against, item in of_run.items() if item is not None}
        if known:
            found[run] = known
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


def _plain(value: Any) -> Any:
    """Return nested mappings and lists of summaries, differences and the like as nested dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.as_dict()


def _best(metric: Metric, summaries: dict[str, dict[str, Summary]]) -> str | None:
    """Return the run with the best mean, of those with a score for all chains that any has; one alone is not best."""
    of_metric = {run: of_run[metric.name] for run, of_run in summaries.items()}
    most = max(summary.n for summary in of_metric.values())
    known = {run: item.mean for run, item in of_metric.items() if item.mean is not None and item.n == most}
    if len(known) < 2:
        return None
    return (min if metric.lower_is_better else max)(known, key=lambda run: known[run])


def _figure(name: str, figure: go.Figure) -> Markup:
    """Return a figure as HTML; plotly escapes what it is given for use inside a script element.

    The name becomes the element's id, which plotly would otherwise draw at random.
    """
    return Markup(
        figure.to_html(
            full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False, "responsive": True}
        )
    )
