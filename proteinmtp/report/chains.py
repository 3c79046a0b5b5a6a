"""The chains of the page: a row for each chain and run, and for those that can be opened what is seen of them."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proteinmtp.base.files import text_sha256
from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.geometry.constants import CONTACT, SAME_FOLD
from proteinmtp.report import packing
from proteinmtp.report.data import ReportData
from proteinmtp.report.findings import digits_of
from proteinmtp.report.glossary import MEANINGS
from proteinmtp.report.packing import Part
from proteinmtp.tables.metrics import MetricsRow
from proteinmtp.tables.relatives import RelativeRow
from proteinmtp.tables.views import ViewRow

LISTED = tuple(
    metric for name in ("tm_score", "lddt", "gdt_ts", "rmsd", "mae") for metric in METRICS_SHOWN if metric.name == name
)
"""Metrics that the table of chains has, in this order."""

FLAGS = {
    "gaps": "some residues are not observed in the experiment",
    "mirrored": "the mirror image of the trace fits better, told only of chains with the right fold",
    "clashes": "residues of the trace clash",
    "bonds": "bonds of the trace are off",
}
"""What a row may be marked with."""


@dataclass(frozen=True)
class Chains:
    """What the page's script reads.

    Attributes:
        index: JSON, compressed: runs, metrics, chains and rows.
        opened: of each chain that can be opened, in the order of the index, its data, compressed.
        total: chains that were scored.
    """

    index: str
    opened: Sequence[str]
    total: int


def chains(data: ReportData, colour: Mapping[str, str]) -> Chains:
    """Return the chains of a report."""
    runs = [name for name in data.summaries if any(row.run == name for row in data.metrics)]
    rows = [row for row in data.metrics if row.run in runs]
    of_chain = {row.chain_id: row for row in rows}
    views = _opened(data.views(), of_chain.keys())
    relative_of = {row.chain_id: row for row in data.relatives}
    residues = {(row.run, row.chain_id): row.profiles["lddt_residues"] for row in rows if row.chain_id in views}
    packed = _fitting(
        ((chain, _packed(chain, views[chain], runs, residues)) for chain in sorted(views, key=text_sha256)),
        room=data.config.report.megabytes * 1e6,
    )
    order = [*sorted(packed), *sorted(of_chain.keys() - packed.keys())]
    place = {chain: at for at, chain in enumerate(order)}
    index = {
        "runs": [_run(data, name, colour[name]) for name in runs],
        "metrics": [
            {
                "name": item.name,
                "title": item.title,
                "digits": digits_of(item),
                "lower": item.lower_is_better,
                "meaning": MEANINGS[item.name],
            }
            for item in LISTED
        ],
        "flags": FLAGS,
        "contact": CONTACT,
        "relatives": data.config.evaluate.subset == "test",  # only of the test they are looked for
        "fold": SAME_FOLD,
        "opened": len(packed),
        "chains": [_chain(of_chain[chain], relative_of.get(chain)) for chain in order],
        "rows": [[place[row.chain_id], runs.index(row.run), *_numbers(row), list(_flags(row))] for row in rows],
    }
    return Chains(
        index=packing.compressed(json.dumps(index, allow_nan=False, separators=(",", ":")).encode()),
        opened=[packed[chain] for chain in sorted(packed)],
        total=len(order),
    )


def _fitting(packed: Iterable[tuple[str, str]], room: float) -> dict[str, str]:
    """Return chains with their data up to the first that needs more room, characters, than is left."""
    fitting: dict[str, str] = {}
    for chain, text in packed:
        room -= len(text)
        if room < 0:
            break
        fitting[chain] = text
    return fitting


def _run(data: ReportData, name: str, colour: str) -> dict[str, object]:
    description = {**data.shown, **data.nulls}[name]
    return {"name": name, "description": description, "colour": colour, "null": name in data.nulls}


def _chain(row: MetricsRow, relative: RelativeRow | None) -> list[object]:
    """Return a chain with its nearest training chain and their identity in per cent; None for what has none."""
    nearest = [None, None] if relative is None else [relative.nearest, round(100 * relative.identity, 1)]
    return [row.chain_id, row.length, row.observed, row.cluster_id, *nearest]


def _numbers(row: MetricsRow) -> Iterator[float | None]:
    for metric in LISTED:
        value = row.scores[metric.name]
        yield None if value is None or not np.isfinite(value) else round(value, digits_of(metric))
    yield None if row.mean_confidence is None else round(row.mean_confidence, 1)


def _flags(row: MetricsRow) -> Iterator[str]:
    marked = {
        "gaps": row.observed < row.length,
        "mirrored": (row.scores["mirrored"] or 0) > 0,
        "clashes": (row.scores["clashes"] or 0) > 0,
        "bonds": (row.scores["bond_violations"] or 0) > 0,
    }
    return (name for name, holds in marked.items() if holds)


def view_parts(view: ViewRow) -> Iterator[Part]:
    """Yield what the page holds of a chain in one run; distances that are those of its trace are left out."""
    trace = packing.positions(view.model, _centre(view))
    yield Part.of(view.run, "coords", trace)
    ways = [Part.of(view.run, *way) for way in packing.distances(view.triu, view.length, trace).items()]
    if ways:
        yield min(ways, key=lambda way: len(way.content))
    if view.sigma is not None:
        yield Part.of(view.run, "sigma", packing.deviations(view.sigma, view.length))
    if view.contact is not None:
        yield Part.of(view.run, "contact", packing.probabilities(view.contact, view.length))
    if view.confidence is not None:
        yield Part.of(view.run, "confidence", packing.points(view.confidence))


@dataclass
class _Opened:
    """What is known of a chain that can be opened: its sequence, which residues are observed, and parts by run."""

    sequence: str
    observed: np.ndarray
    parts: dict[str, list[Part]]


def _opened(views: Iterable[ViewRow], wanted: Collection[str]) -> dict[str, _Opened]:
    """Return the chains that can be opened; the experiment's parts are those of the run ""."""
    there: dict[str, _Opened] = {}
    for view in views:
        if view.chain_id not in wanted:
            continue
        chain = there.get(view.chain_id)
        if chain is None:
            native = Part.of(None, "coords", packing.positions(view.native, _centre(view)))
            chain = _Opened(view.sequence, np.isfinite(view.native).all(1), {"": [native]})
            there[view.chain_id] = chain
        chain.parts[view.run] = list(view_parts(view))
    return there


def _centre(view: ViewRow) -> np.ndarray:
    observed = view.native[np.isfinite(view.native).all(1)].astype(np.float64)
    return observed.mean(0) if len(observed) else np.zeros(3)


def _packed(
    chain: str, opened: _Opened, runs: Sequence[str], residues: Mapping[tuple[str, str], np.ndarray | None]
) -> str:
    parts = [*opened.parts[""]]
    for run in (name for name in runs if name in opened.parts):
        parts += opened.parts[run]
        lddt = residues.get((run, chain))
        if lddt is not None:
            along = np.full(len(opened.observed), np.nan)
            along[opened.observed] = lddt
            parts.append(Part.of(run, "lddt", packing.points(100 * along)))
    return packing.packed({"id": chain, "sequence": opened.sequence}, parts)
