"""The report as one HTML file that needs no network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as package_files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from proteinmtp.base.metrics import METRICS_SHOWN, Metric
from proteinmtp.config import RunConfig
from proteinmtp.geometry.constants import BOND_TOLERANCE, CIS_BOND, CLASH, CONTACT, SAME_FOLD, TRANS_BOND
from proteinmtp.geometry.pair_scores import LONG_RANGE, MEDIUM_RANGE
from proteinmtp.report import assets, experiments, findings, packing, standing
from proteinmtp.report.chains import FLAGS, LISTED, chains
from proteinmtp.report.data import ReportData
from proteinmtp.report.figures.data import FigureData, Pretraining
from proteinmtp.report.figures.drawing import ReportFigure, styles
from proteinmtp.report.figures.listing import figures
from proteinmtp.report.figures.rendering import key_svg, panel_svg
from proteinmtp.report.glossary import MEANINGS, NOTES, SOURCES, SPLITS
from proteinmtp.scoring.confidence import AGAINST
from proteinmtp.scoring.statistics import Summary
from proteinmtp.tables.quarantine import QuarantineRow

SECTIONS = {
    "summary": "In short", "matrix-section": "Runs beside nulls", "chains": "Chains", "scores": "Scores",
    "figures": "Figures", "confidence": "Confidence", "experiments": "Experiments", "training": "Training and cost",
    "data": "Data card", "comparators": "Comparators", "folded": "Folded sequences", "provenance": "Provenance",
    "files": "Files",
}  # fmt: skip
"""Of the page, in their order, by id."""

FILES_LISTED = 50
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
class Drawn:
    """A figure with its panels, and the keys of its legend, as SVG."""

    figure: ReportFigure
    panels: Sequence[Markup]
    keys: Sequence[Markup]


def page(data: ReportData) -> str:
    """Return the HTML of a report."""
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    colour = {run: style.colour for run, style in styles(list(data.summaries)).items()}
    runs = _shown(data, colour)
    drawn = {figure.name: _drawn(figure) for figure in figures(figure_data(data))}
    columns, matrix = findings.matrix(data)
    sections = _sections(data, matrix=bool(columns))
    return environment.get_template("report.html.j2").render(
        data=data,
        config=data.config,
        config_json=data.config.model_dump_json(indent=2),
        css=Markup(assets.text(*assets.STYLES)),
        script=Markup(assets.text(*assets.SCRIPTS)),
        library_css=Markup(assets.vendored("tabulator.min.css")),
        tabulator=packing.compressed(assets.vendored("tabulator.min.js").encode()),
        viewer=packing.compressed(assets.vendored("3Dmol-min.js").encode()),
        licences={name: assets.text(file) for name, file in assets.LICENCES.items()},
        sections=sections,
        runs=runs,
        colour=colour,
        scored=runs[0].scores["mae"].n,
        metrics=METRICS_SHOWN,
        meanings=MEANINGS,
        most=max(run.scores["tm_score"].n for run in runs),
        long_range=LONG_RANGE,
        medium_range=MEDIUM_RANGE,
        contact=CONTACT,
        clash=CLASH,
        same_fold=SAME_FOLD,
        trans_bond=TRANS_BOND,
        cis_bond=CIS_BOND,
        bond_tolerance=BOND_TOLERANCE,
        findings=findings.findings(data),
        judged=findings.JUDGED,
        kind=findings.kind,
        digits_of=findings.digits_of,
        signs=findings.SIGNS,
        columns=columns,
        matrix=matrix,
        headlines=standing.HEADLINES,
        best={metric.name: _best(metric, data) for metric in METRICS_SHOWN},
        verdicts=standing.verdicts(data.differences),
        bins=standing.bins_in_use(data.lengths),
        compared=experiments.by_chance(data.experiments),
        repeated=any(entry.seeds > 1 for entry in data.config.runs),
        against=AGAINST,
        source_text=SOURCES.get(data.config.source.kind, ""),
        differing=differing_settings({run: data.settings[run] for run in data.settings if run in data.summaries}),
        split=data.split,
        split_text=SPLITS[data.config.split.method],
        split_notes=[NOTES[key].format(count) for key, count in data.split.notes.items() if count],
        unit=f"{data.bootstrap.drawn}s",
        listed_files=FILES_LISTED,
        listed=LISTED,
        flags=FLAGS,
        chains=chains(data, colour),
        figures=drawn,
        points={
            name: {"run": points.run, "chains": points.chains}
            for item in drawn.values()
            for panel in item.figure.panels
            for name, points in panel.points.items()
        },
        reasons=_by_reason(data.quarantine),
        refused=REFUSED,
        duration=duration,
        versions={package: _version(package) for package in PACKAGES},
    )


def figure_data(data: ReportData) -> FigureData:
    """Return what figures are drawn from."""
    return FigureData(
        runs=list(data.summaries),
        metrics=data.metrics,
        lengths=data.lengths,
        trusted=data.trusted,
        history=data.history,
        pretraining=[
            Pretraining(
                label=", ".join(run for run, of in data.pretrained.items() if of == name) or name,
                history=data.pretraining_history[name],
                summary=summary,
            )
            for name, summary in data.pretraining.items()
        ],
        costs=data.costs,
        chains=data.chains,
    )


def differing_settings(settings: Mapping[str, RunConfig]) -> dict[str, list[str]]:
    """Return for each key that is not the same in all runs its values, in the order of the runs."""
    flat = [_flat(run.model_dump(mode="json")) for run in settings.values()]
    keys = dict.fromkeys(key for values in flat for key in values)
    told = {key: [json.dumps(values.get(key), ensure_ascii=False).strip('"') for values in flat] for key in keys}
    return {key: values for key, values in told.items() if len(set(values)) > 1}


def _flat(section: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in section.items():
        values |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return values


def duration(seconds: float) -> str:
    """Return a time in the two largest units that it has."""
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _sections(data: ReportData, *, matrix: bool) -> list[tuple[str, str]]:
    absent = {
        "matrix-section": not matrix,
        "confidence": not data.trusted,
        "experiments": not data.experiments,
        "comparators": not data.comparators,
        "folded": not data.folds,
    }
    return [(id, text) for id, text in SECTIONS.items() if not absent.get(id)]


def _drawn(figure: ReportFigure) -> Drawn:
    keys = [Markup(key_svg(entry, f"{figure.name}-key{at}")) for at, entry in enumerate(figure.legend)]
    return Drawn(figure, [Markup(panel_svg(figure, panel)) for panel in figure.panels], keys)


def _by_reason(rows: Sequence[QuarantineRow]) -> list[tuple[str, list[QuarantineRow]]]:
    """Return the rows of each reason, the most frequent first."""
    reasons: dict[str, list[QuarantineRow]] = {}
    for row in rows:
        reasons.setdefault(row.code, []).append(row)
    return sorted(reasons.items(), key=lambda item: -len(item[1]))


def _shown(data: ReportData, colour: Mapping[str, str]) -> list[Shown]:
    descriptions = {**data.shown, **data.nulls}
    return [
        Shown(run, run in data.nulls, colour[run], descriptions[run], scores) for run, scores in data.summaries.items()
    ]


def _best(metric: Metric, data: ReportData) -> str | None:
    """Return the run with the best mean, of those with a score for all chains that any has; one alone is not best."""
    of_metric = {run: of_run[metric.name] for run, of_run in data.summaries.items()}
    most = max(summary.n for summary in of_metric.values())
    known = {run: item.mean for run, item in of_metric.items() if item.mean is not None and item.n == most}
    if len(known) < 2:
        return None
    return (min if metric.lower_is_better else max)(known, key=lambda run: known[run])


def _text(name: str) -> str:
    return package_files(__package__).joinpath(name).read_text(encoding="utf-8")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"
