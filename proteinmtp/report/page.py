"""The report as one HTML file that needs no network."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as package_files

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.geometry.constants import BOND_TOLERANCE, CIS_BOND, CLASH, CONTACT, SAME_FOLD, TRANS_BOND
from proteinmtp.geometry.pair_scores import LONG_RANGE, MEDIUM_RANGE
from proteinmtp.report import experiments, figures, standing
from proteinmtp.report.data import ReportData
from proteinmtp.scoring.confidence import AGAINST
from proteinmtp.scoring.statistics import Summary
from proteinmtp.tables.examples import ExampleRow

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
"""What each method of the split asks."""

NOTES = {
    "chains_not_in_table": "The table has no row for {} chains.",
    "chains_without_year": "{} chains have no year.",
    "chains_without_uniprot": "{} chains have no UniProt accession.",
}
"""Sentences on the chains that a method could not treat as its name says, by the keys of `SplitSummary.notes`."""

SENTENCES = 12
"""Sentences on differences that are shown at once; where there are more, the reader unfolds them."""

LISTED = 50
"""Rows of each list of a comparator's files that are shown."""

REFUSED = 200
"""Rows of the quarantine that are shown."""

PACKAGES = ("torch", "transformers", "peft", "accelerate", "gemmi", "pyarrow", "snakemake", "proteinmtp")


@dataclass(frozen=True)
class Shown:
    """A run, comparator or null as tables show it."""

    name: str
    is_null: bool
    colour: str
    description: str
    scores: Mapping[str, Summary]


@dataclass(frozen=True)
class ShownExample:
    """A chain to look at, with its two figures."""

    row: ExampleRow
    map: Markup
    trace: Markup


def page(data: ReportData) -> str:
    """Return the HTML of a report."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_text("report.html.j2"))
    colour = figures.colours(list(data.summaries))
    runs = _shown(data, colour)
    return template.render(
        data=data,
        config=data.config,
        config_json=data.config.model_dump_json(indent=2),
        css=Markup(_text("report.css")),
        plotly=Markup(get_plotlyjs()),
        runs=runs,
        colour=colour,
        metrics=METRICS_SHOWN,
        most=max(run.scores["tm_score"].n for run in runs),
        long_range=LONG_RANGE,
        medium_range=MEDIUM_RANGE,
        contact=CONTACT,
        clash=CLASH,
        same_fold=SAME_FOLD,
        trans_bond=TRANS_BOND,
        cis_bond=CIS_BOND,
        bond_tolerance=BOND_TOLERANCE,
        headlines=standing.HEADLINES,
        best={metric.name: _best(metric, data) for metric in METRICS_SHOWN},
        verdicts=standing.verdicts(data.differences),
        most_sentences=SENTENCES,
        bins=standing.bins_in_use(data.lengths),
        compared=experiments.by_chance(data.experiments),
        repeated=any(entry.seeds > 1 for entry in data.config.runs),
        against=AGAINST,
        split=data.split,
        split_text=SPLITS[data.config.split.method],
        split_notes=[NOTES[key].format(count) for key, count in data.split.notes.items() if count],
        unit=f"{data.bootstrap.drawn}s",
        listed=LISTED,
        reasons=Counter(row.code for row in data.quarantine).most_common(),
        refused=REFUSED,
        examples=_examples(data, colour),
        versions={package: _version(package) for package in PACKAGES},
        **_figures(data, colour),
    )


def _shown(data: ReportData, colour: Mapping[str, str]) -> list[Shown]:
    descriptions = {**data.shown, **data.nulls}
    return [
        Shown(run, run in data.nulls, colour[run], descriptions[run], scores) for run, scores in data.summaries.items()
    ]


def _figures(data: ReportData, colour: Mapping[str, str]) -> dict[str, Markup | None]:
    """Return the figures of the page by name; None for those of which there is nothing to draw."""
    scored = [row for row in data.metrics if row.run in data.summaries and row.scores["tm_score"] is not None]
    drawn = {}
    if scored:
        drawn["boxes"] = figures.score_distributions(scored, standing.HEADLINES, colour)
        drawn["lengths"] = figures.score_by_length(scored, colour)
        drawn["errors"] = figures.errors_in_bins(scored, colour)
        drawn["bins"] = figures.score_in_bins(data.lengths, standing.HEADLINES, colour)
    if data.trusted:
        drawn["calibration"] = figures.calibration(data.trusted, colour)
    if data.history:
        drawn["curves"] = figures.training_curves(data.history, colour)
    names = ("boxes", "lengths", "errors", "bins", "calibration", "curves")
    return {f"figure_{name}": _figure(name, drawn[name]) if name in drawn else None for name in names}


def _examples(data: ReportData, colour: Mapping[str, str]) -> list[ShownExample]:
    return [
        ShownExample(
            row,
            _figure(f"map-{at}", figures.distance_map(row)),
            _figure(f"trace-{at}", figures.trace(row, colour[row.run])),
        )
        for at, row in enumerate(data.examples)
    ]


def _best(metric: Metric, data: ReportData) -> str | None:
    """Return the run with the best mean, of those with a score for all chains that any has; one alone is not best."""
    of_metric = {run: of_run[metric.name] for run, of_run in data.summaries.items()}
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


def _text(name: str) -> str:
    return package_files(__package__).joinpath(name).read_text(encoding="utf-8")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"
