"""The page on what was folded: one HTML file that needs no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from proteinmtp.base.files import atomic, file_name
from proteinmtp.folding.summary import FORMATS, STRUCTURES, mean_confidence
from proteinmtp.tables.folded import FoldRecord, Refusal


@dataclass(frozen=True)
class _Row:
    record: FoldRecord
    points: str
    least: float
    most: float
    links: Sequence[tuple[str, str]]


def write_page(
    path: Path,
    records: Sequence[FoldRecord],
    refused: Sequence[Refusal],
    *,
    title: str,
    places: Mapping[str, str] = {},
) -> None:
    """Write the page, beside the files that it links to.

    Parameters:
        path: of the page.
        records: of the sequences, in the order of the rows.
        refused: what was not folded.
        title: what structure files say of the model.
        places: folder of the structures of a sequence, by its name, if it is not the usual one.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_text(__package__, "folded.html.j2"))
    page = template.render(
        title=title,
        css=Markup(_text("proteinmtp.report.assets", "base.css")),
        records=records,
        rows=[_row(record, places.get(record.name, STRUCTURES)) for record in records],
        refused=refused,
        mean=mean_confidence(records),
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _row(record: FoldRecord, place: str) -> _Row:
    curve = record.confidence or []
    last = max(len(curve) - 1, 1)
    points = " ".join(f"{100 * at / last:.2f},{100 - value:.1f}" for at, value in enumerate(curve))
    names = [(suffix[1:], file_name(record.name, suffix)) for suffix in (*FORMATS, ".json")]
    links = [(label, f"{place}/{quote(name)}") for label, name in names]
    return _Row(record, points, min(curve, default=0.0), max(curve, default=0.0), links)


def _text(package: str, name: str) -> str:
    return package_files(package).joinpath(name).read_text(encoding="utf-8")
