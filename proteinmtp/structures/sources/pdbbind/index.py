"""The index files of PDBbind: a line for each complex, with its resolution, year and affinity.

Two kinds are in use. `INDEX_general_PL_data.<year>` and its like of the refined set have a column with -log10 of the
affinity; `INDEX_general_PL.<year>`, and `INDEX_general_PL.2020R1.lst` of the release that is free today, only the
measurement, such as `Ki=40uM`, from which it is computed. Names of proteins and their UniProt ids are in
`INDEX_general_PL_name.<year>`, which not every release has.
"""

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CODE = re.compile(r"[A-Za-z0-9]{4,12}")
"""What an entry's code may look like: it becomes a part of a path, and an index is text from elsewhere."""

INDEXES = {
    "general": re.compile(r"INDEX_general_PL(_data)?\.(\d{4}(?:R\d+)?)(?:\.lst)?"),
    "refined": re.compile(r"INDEX_refined(?:_PL)?(_data|_set)\.(\d{4}(?:R\d+)?)(?:\.lst)?"),
}
NAMES = re.compile(r"INDEX_(general_PL|refined)_name\.(\d{4}(?:R\d+)?)(?:\.lst)?")

MEASUREMENT = re.compile(r"(?:Kd|Ki|IC50)[=<>~]+(\d+(?:\.\d+)?)([munpf])M", re.IGNORECASE)
EXPONENTS = {"m": 3, "u": 6, "n": 9, "p": 12, "f": 15}

WARNINGS = 20
"""Lines of an index that are named in warnings, before the rest is counted only."""


@dataclass(frozen=True)
class IndexRow:
    """A complex in an index: resolution (angstrom), release year, -log10 of the affinity (mol/l), where known."""

    resolution: float | None
    year: int | None
    affinity: float | None


def newest_index(paths: list[Path], kind: str) -> Path | None:
    """Return the newest index of a kind (`general` or `refined`); of equal years one with computed affinities."""
    matches = [(match, path) for path in sorted(paths) if (match := INDEXES[kind].fullmatch(path.name))]
    return max(matches, key=lambda item: (item[0][2], item[0][1] == "_data"), default=(None, None))[1]


def newest_names(paths: list[Path]) -> Path | None:
    """Return the newest list of names; of equal years the general one, which has all entries."""
    matches = [(match, path) for path in sorted(paths) if (match := NAMES.fullmatch(path.name))]
    return max(matches, key=lambda item: (item[0][2], item[0][1] == "general_PL"), default=(None, None))[1]


def read_index(path: Path) -> dict[str, IndexRow]:
    """Return the rows of an index file by code in lower case.

    A number that cannot be read is None; lines with one, without a code, or with a code that stood before are named in
    warnings.
    """
    rows: dict[str, IndexRow] = {}
    troubles = []
    for number, line in _lines(path):
        code, *fields = line.partition("//")[0].split() or [""]
        if not CODE.fullmatch(code):
            troubles.append(f"line {number} has no PDB code")
        elif code.lower() in rows:
            troubles.append(f"line {number}: {code} stands there already and is left out")
        else:
            resolution, year, affinity = (*fields, "", "", "")[:3]
            row = IndexRow(_resolution(resolution), _year(year), _affinity(affinity))
            rows[code.lower()] = row
            unread = [
                name
                for name, value, text in (
                    ("resolution", row.resolution, resolution if resolution.upper() != "NMR" else None),
                    ("year", row.year, year),
                    ("affinity", row.affinity, affinity),
                )
                if value is None and text is not None
            ]
            if unread:
                troubles.append(f"line {number}: {code} has no readable {' and '.join(unread)}")
    for trouble in troubles[:WARNINGS]:
        logging.warning("%s: %s", path, trouble)
    if len(troubles) > WARNINGS:
        logging.warning("%s: %d more lines with such mistakes", path, len(troubles) - WARNINGS)
    return rows


ACCESSION = re.compile(r"[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2}")
"""UniProt's accession numbers, as its help pages define them."""


def read_names(path: Path) -> dict[str, str]:
    """Return the UniProt accession of each code (lower case) in a list of names, where one is given."""
    accessions = {}
    for _, line in _lines(path):
        fields = line.split(maxsplit=3)
        if len(fields) > 2 and CODE.fullmatch(fields[0]) and ACCESSION.fullmatch(fields[2].upper()):
            accessions[fields[0].lower()] = fields[2].upper()
    return accessions


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            if line.strip() and not line.startswith("#"):
                yield number, line


def _resolution(text: str) -> float | None:
    value = _float(text)
    return value if value is not None and value > 0 else None


def _year(text: str) -> int | None:
    return int(text) if re.fullmatch(r"(?:19|20)\d\d", text, re.ASCII) else None


def _affinity(text: str) -> float | None:
    match = MEASUREMENT.match(text)
    if match is None:
        return _float(text)
    value = float(match[1])
    return round(EXPONENTS[match[2].lower()] - math.log10(value), 4) if value > 0 else None


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text, re.ASCII) else None
