"""What a table holds, in words for a person: small sections of text, made by the `describe` of each table's module."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

SPREAD = ("", "known", "least", "5 %", "median", "95 %", "most")
"""Headers of rows made by `spread`."""


@dataclass(frozen=True)
class Section:
    """A small table of text: title, headers of the columns (all empty: none are shown), rows."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


def spread(name: str, values: Iterable[float | None], digits: int) -> tuple[str, ...]:
    """Return a row with the number of known values, their least, greatest and some percentiles."""
    known = [value for value in values if value is not None]
    if not known:
        return (name, "0", *["-"] * 5)
    return (name, f"{len(known):,}", *(f"{value:.{digits}f}" for value in np.percentile(known, [0, 5, 50, 95, 100])))


def share(part: int, whole: int) -> str:
    """Return a count with its share of the whole."""
    return f"{part:,} ({part / whole:.1%})" if whole else "0"


def counted(values: Iterable[str | None]) -> str:
    """Return the distinct values with how often each is there, most frequent first."""
    return ", ".join(f"{value or 'unknown'} {count:,}" for value, count in Counter(values).most_common()) or "none"


def marked_sequence(sequence: str, observed: np.ndarray | None) -> str:
    """Return a sequence of L letters with those in lower case that `observed` (L,) says were not seen."""
    if observed is None:
        return sequence
    return "".join(letter if seen else letter.lower() for letter, seen in zip(sequence, observed.tolist(), strict=True))
