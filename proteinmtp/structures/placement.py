"""Where the observed residues stand in the full sequence."""

from collections.abc import Sequence

import gemmi
import numpy as np

from proteinmtp.geometry.constants import LONGEST_BOND

MOST_CELLS = 20_000_000
MOST_MISMATCHES = 0.05


def place(observed: str, numbers: np.ndarray, full: str, steps: np.ndarray) -> np.ndarray | None:
    """Return the position of each observed residue in the full sequence, counted from 0.

    Residue numbers place the residues if they go on by one where the sequence does, as in most files; otherwise an
    alignment does: gemmi's, in which gaps are free at the ends and where no peptide bond joins two residues.

    Parameters:
        observed: n letters.
        numbers: (n,) residue numbers of the file.
        full: the full sequence.
        steps: (n - 1,) angstrom from each C-alpha to the next, NaN where one is missing.

    Returns:
        (n,) int, rising; None if the residues do not fit the sequence: one has no place, or more than a twentieth
        have another letter there.
    """
    if observed == full:
        return np.arange(len(full))
    if len(observed) > len(full):
        return None
    places = _by_number(observed, numbers, full)
    return places if places is not None else _by_alignment(observed, full, steps <= LONGEST_BOND)


def _by_number(observed: str, numbers: np.ndarray, full: str) -> np.ndarray | None:
    steps = np.diff(numbers)
    if (steps < 1).any():
        return None
    offsets: np.ndarray = numbers - numbers[0]
    room = len(full) - int(offsets[-1]) - 1
    if room < 0:
        return None
    letters, given = (np.frombuffer(text.encode(), dtype=np.uint8) for text in (full, observed))
    gaps = np.flatnonzero(steps > 1)
    first_run = observed[: int(gaps[0]) + 1] if len(gaps) else observed
    fitting = []
    start = full.find(first_run)
    while 0 <= start <= room:
        if (letters[offsets + start] == given).all():
            fitting.append(start)
        start = full.find(first_run, start + 1)
    numbered = int(numbers[0]) - 1
    if numbered in fitting:
        return offsets + numbered
    return offsets + fitting[0] if len(fitting) == 1 else None


def _by_alignment(observed: str, full: str, joined: np.ndarray) -> np.ndarray | None:
    if len(observed) * len(full) > MOST_CELLS:
        return None
    scoring = gemmi.AlignmentScoring()
    inner = np.where(joined, scoring.bad_gapo, scoring.good_gapo).tolist()
    gaps = [scoring.good_gapo, *inner, scoring.good_gapo]
    result = gemmi.align_string_sequences(list(full), list(observed), gaps, scoring)
    places: list[int] = []
    position = 0
    for count, kind in cigar_items(result.cigar_str()):
        if kind == "D":
            return None
        if kind == "M":
            places.extend(range(position, position + count))
        position += count
    return np.array(places) if mismatches(observed, full, places) <= MOST_MISMATCHES * len(observed) else None


def mismatches(observed: str, full: str, places: Sequence[int]) -> int:
    """Return how many observed letters are others than the full sequence has at their places; X fits all."""
    given = (full[place] for place in places)
    return sum(one != other and "X" not in (one, other) for one, other in zip(observed, given, strict=True))


def cigar_items(text: str) -> list[tuple[int, str]]:
    """Return the items of a CIGAR string, as in `12M3I`: how many, and of what."""
    items, number = [], ""
    for letter in text:
        if letter.isdigit():
            number += letter
        else:
            items.append((int(number), letter))
            number = ""
    return items
