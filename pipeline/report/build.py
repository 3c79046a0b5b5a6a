"""The report: one HTML file that needs no network, and beside it the numbers as JSON and Parquet."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from pipeline.config import NULLS, Config
from pipeline.dataset.tables import read_all, write_rows
from pipeline.evaluation.evaluate import NAMES
from pipeline.evaluation.schemas import METRICS
from pipeline.evaluation.statistics import Summary, summarise
from pipeline.manifest import atomic, write_json
from pipeline.report import figures

LOWER_IS_BETTER = frozenset(("mae", "rmse", "rmsd"))

TITLES = {
    "mae": "distance error, Å",
    "rmse": "distance RMSE, Å",
    "lddt": "Cα-lDDT",
    "tm_score": "TM-score",
    "gdt_ts": "GDT-TS",
    "gdt_ha": "GDT-HA",
    "rmsd": "RMSD, Å",
}

DESCRIPTIONS = {"null_separation": "no sequence: mean distance at each |i-j| for chains of like length"}

CHAINS_ARE_DRAWN = frozenset(("members", "random", "memorise"))
"""Split methods with every cluster on both sides: the bootstrap draws chains. Under the others it draws clusters."""

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
    summaries = {run: _summaries(run, metrics, config) for run in names}
    write_rows(files.table, METRICS, metrics)
    write_json(
        files.summary,
        {"runs": {run: {name: item.as_dict() for name, item in of_run.items()} for run, of_run in summaries.items()}},
    )
    html = _render(config, files, metrics, summaries)
    with atomic(files.html) as temporary:
        temporary.write_text(html, encoding="utf-8")
    logging.info("report: %s", files.html)


def verdicts(summaries: dict[str, dict[str, Summary]]) -> list[str]:
    """Return sentences that set each run beside each null and beside the first run, judged by the intervals."""
    runs = [run for run in summaries if run not in NULLS]
    sentences = []
    for run in runs:
        for other in [*NULLS, *runs[:1]]:
            if other == run:
                continue
            found: dict[str, list[str]] = {"better than": [], "worse than": [], "not told apart from": []}
            for name in ("mae", "lddt", "tm_score"):
                relation = _relation(name, summaries[run][name], summaries[other][name])
                if relation:
                    found[relation].append(TITLES[name].split(",")[0])
            parts = [f"{relation} {other} in {', '.join(which)}" for relation, which in found.items() if which]
            if parts:
                sentences.append(f"{run} is {'; '.join(parts)}.")
    return sentences


def _relation(name: str, ours: Summary, theirs: Summary) -> str | None:
    if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
        return None
    if ours.low <= theirs.high and theirs.low <= ours.high:
        return "not told apart from"
    return "better than" if (ours.high < theirs.low) == (name in LOWER_IS_BETTER) else "worse than"


def _summaries(run: str, metrics: Sequence[dict[str, Any]], config: Config) -> dict[str, Summary]:
    rows = [row for row in metrics if row["run"] == run]
    unit = "chain_id" if config.split.method in CHAINS_ARE_DRAWN else "cluster_id"
    groups = [row[unit] for row in rows]
    return {
        name: summarise([row[name] for row in rows], groups, config.report.bootstrap_samples, config.seed)
        for name in NAMES
    }


def _render(
    config: Config,
    files: ReportFiles,
    metrics: Sequence[dict[str, Any]],
    summaries: dict[str, dict[str, Summary]],
) -> str:
    colour = figures.colours(list(summaries))
    descriptions = config.descriptions() | DESCRIPTIONS
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
        names=NAMES,
        titles=TITLES,
        lower=LOWER_IS_BETTER,
        best={name: _best(name, summaries) for name in NAMES},
        verdicts=verdicts(summaries),
        split=json.loads(files.split_summary.read_text(encoding="utf-8")),
        split_text=SPLITS[config.split.method],
        unit="chains" if config.split.method in CHAINS_ARE_DRAWN else "clusters",
        models=[json.loads(path.read_text(encoding="utf-8")) for path in files.models],
        comparators=[json.loads(path.read_text(encoding="utf-8")) for path in files.comparators],
        listed=LISTED,
        reasons=Counter(row["code"] for row in quarantine).most_common(),
        quarantine=quarantine[:200],
        quarantined=len(quarantine),
        curves=_figure("curves", figures.training_curves(history, colour)) if history else None,
        boxes=_figure("boxes", figures.score_distributions(scored, colour)) if scored else None,
        lengths=_figure("lengths", figures.score_by_length(scored, colour)) if scored else None,
        examples=examples,
        versions={package: _version(package) for package in PACKAGES},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


def _best(name: str, summaries: dict[str, dict[str, Summary]]) -> str | None:
    means = {run: of_run[name].mean for run, of_run in summaries.items()}
    known = {run: mean for run, mean in means.items() if mean is not None}
    if not known:
        return None
    return (min if name in LOWER_IS_BETTER else max)(known, key=lambda run: known[run])


def _figure(name: str, figure: go.Figure) -> Markup:
    """Return a figure as HTML; plotly escapes what it is given for use inside a script element.

    The name becomes the element's id, which plotly would otherwise draw at random.
    """
    return Markup(
        figure.to_html(
            full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False, "responsive": True}
        )
    )
