"""Which residue of a model belongs to which residue of the native.

Both are placed on one full sequence, that of the experiment (SEQRES) where it is known. A residue is placed by its
number where numbers run along the sequence and the letters agree; otherwise by an alignment that puts gaps where no
peptide bond joins two residues. Letters alone leave it open to which side of a gap a residue belongs, and programs that
align letters alone often get it wrong. Their way is offered as `PAIRINGS[1]`, to repeat published figures.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import gemmi
import numpy as np

from proteinmtp.base.errors import DataError
from proteinmtp.structures.placement import MOST_CELLS, cigar_items, mismatches, place
from proteinmtp.structures.polymers import Polymer

Pairing = Literal["residues", "letters"]
PAIRINGS: tuple[str, ...] = get_args(Pairing)
"""`residues`: residue numbers, letters and peptide bonds. `letters`: a global alignment with BLOSUM62, 11 for opening a
gap and 1 for going on, free at the ends, of residues with a C-alpha; the pairing of `TMscore -seq`, except that of
alignments with equal scores another may be taken."""

GAP_OPEN, GAP_GO_ON = -10, -1
"""The first residue of a gap costs both."""
LEAST_AGREEMENT = 0.9
"""Of letters, for residue numbers to be believed."""
LONGEST_NUMBERING = 10_000


class PairingError(DataError):
    """A model and a native of which no residues belong together."""


@dataclass(frozen=True)
class Pair:
    """A native and a model on one full sequence of L residues.

    Attributes:
        sequence: L letters; X where neither file has the residue.
        native: (L, 3) float64, angstrom, NaN where not observed.
        model: (L, 3) float64, angstrom, NaN where the model has no residue.
        b_factors: (L,) float32 of the model, NaN where it has no residue.
        identity: of the residues of the model on the sequence, how many have its letter, 0..1.
    """

    sequence: str
    native: np.ndarray
    model: np.ndarray
    b_factors: np.ndarray
    identity: float

    @property
    def placed(self) -> int:
        """Number of residues that both have."""
        return int((np.isfinite(self.native).all(1) & np.isfinite(self.model).all(1)).sum())


@dataclass(frozen=True)
class Placed:
    """A chain on a sequence of L residues: `coords` (L, 3) float64 and `b_factors` (L,), NaN where it has none.

    `identity` is the fraction of its placed residues that have the letter of the sequence; `matches` counts them.
    """

    coords: np.ndarray
    b_factors: np.ndarray
    identity: float
    matches: int


def pair(native: Polymer, model: Polymer, *, sequence: str | None = None, pairing: Pairing = "residues") -> Pair:
    """Put native and model on one full sequence.

    Parameters:
        native: the chain of the experiment.
        model: the predicted chain.
        sequence: full sequence (SEQRES) if it is known better than from the files.
        pairing: one of `PAIRINGS`.

    Raises:
        PairingError: if no residue of the model has a counterpart.
    """
    stated = sequence or native.sequence
    if pairing == "letters":
        native, model = with_alpha(native), with_alpha(model)
    full, first = (stated, 1) if stated else _common_sequence(native, model)
    fixed = place_chain(native, full, pairing, first=first)
    steps = native.steps if full == native.letters else None
    mobile = place_chain(model, full, pairing, first=first, steps=steps)
    result = Pair(full, fixed.coords, mobile.coords, mobile.b_factors, mobile.identity)
    if not result.placed:
        raise PairingError("no residue of the model has a counterpart among the observed ones of the native")
    return result


def place_chain(
    chain: Polymer, full: str, pairing: Pairing = "residues", *, first: int = 1, steps: np.ndarray | None = None
) -> Placed:
    """Put a chain on a full sequence; residues without a place are left out.

    Parameters:
        chain: with n residues.
        full: L letters.
        pairing: one of `PAIRINGS`.
        first: the residue number of the first letter, if numbers count along the sequence.
        steps: (L - 1,) angstrom from the C-alpha of each letter to the next where known, NaN elsewhere. Where they are
            too long for a bond, the sequence leaves out residues that the chain may have.

    Raises:
        PairingError: if the two are too long to be aligned.
    """
    places = align(chain.letters, full) if pairing == "letters" else _places(chain, full, first, steps)
    has_place = places >= 0
    coords = np.full((len(full), 3), np.nan)
    b_factors = np.full(len(full), np.nan, dtype=np.float32)
    coords[places[has_place]] = chain.coords[has_place]
    b_factors[places[has_place]] = chain.b_factors[has_place]
    b_factors[~np.isfinite(coords).all(1)] = np.nan
    kept = "".join(letter for letter, there in zip(chain.letters, has_place.tolist(), strict=True) if there)
    matches = len(kept) - mismatches(kept, full, places[has_place].tolist())
    return Placed(coords, b_factors, matches / max(len(kept), 1), matches)


def with_alpha(chain: Polymer) -> Polymer:
    """Return a chain without the residues that have no C-alpha."""
    seen = np.isfinite(chain.coords).all(1)
    if seen.all():
        return chain
    coords = chain.coords[seen]
    return replace(
        chain,
        letters="".join(letter for letter, there in zip(chain.letters, seen.tolist(), strict=True) if there),
        numbers=chain.numbers[seen],
        coords=coords,
        b_factors=chain.b_factors[seen],
        steps=np.linalg.norm(np.diff(coords, axis=0), axis=1),
        places=None if chain.places is None else chain.places[seen],
    )


def align(letters: str, full: str) -> np.ndarray:
    """Return (n,) int: the position in `full` of each of n letters, -1 for none, by a global alignment.

    See `PAIRINGS` for its costs. Of equally good alignments gemmi's is taken.

    Raises:
        PairingError: if the two are too long to be aligned.
    """
    if len(letters) * len(full) > MOST_CELLS:
        raise PairingError(f"{len(letters)} and {len(full)} residues are too many to be aligned")
    scoring = gemmi.AlignmentScoring("b")
    scoring.gapo, scoring.gape = GAP_OPEN, GAP_GO_ON
    gaps = [0, *[GAP_OPEN] * (len(letters) - 1), 0]
    names = [gemmi.expand_one_letter_sequence(text, gemmi.ResidueKind.AA) for text in (full, letters)]
    result = gemmi.align_string_sequences(names[0], names[1], gaps, scoring)
    places: list[int] = []
    position = 0
    for count, kind in cigar_items(result.cigar_str()):
        places.extend([-1] * count if kind == "D" else range(position, position + count) if kind == "M" else [])
        position += count if kind != "D" else 0
    return np.array(places, dtype=np.int64)


def _places(chain: Polymer, full: str, first: int, steps: np.ndarray | None) -> np.ndarray:
    if chain.places is not None and chain.sequence == full:
        return chain.places
    numbered = _along(chain.letters, chain.numbers - first, full)
    if numbered is not None and not mismatches(chain.letters, full, numbered.tolist()):
        return numbered
    placed = place(chain.letters, chain.numbers, full, chain.steps)
    fitting = [places for places in (numbered, placed) if places is not None]
    if not fitting and steps is not None and len(chain.letters) > len(full):
        inverse = place(full, np.zeros(len(full)), chain.letters, steps)
        if inverse is not None:
            places = np.full(len(chain.letters), -1)
            places[inverse] = np.arange(len(full))
            return places
    if not fitting:
        return align(chain.letters, full)
    return min(fitting, key=lambda places: mismatches(chain.letters, full, places.tolist()))


def _along(letters: str, places: np.ndarray, full: str) -> np.ndarray | None:
    """Return the places that residue numbers state, if they count along the sequence and the letters agree."""
    if (np.diff(places) < 1).any() or places[0] < 0 or places[-1] >= len(full):
        return None
    wrong = mismatches(letters, full, places.tolist())
    return places if wrong <= (1 - LEAST_AGREEMENT) * len(letters) else None


def _common_sequence(native: Polymer, model: Polymer) -> tuple[str, int]:
    """Return a sequence that holds both where the native states none, and the residue number of its first letter.

    It is that of the model if the native fits into it, or that which common residue numbers give, or the observed one.
    """
    longer = [text for text in (model.sequence, model.letters) if len(text) > len(native.letters)]
    for text in longer:
        places = place(native.letters, native.numbers, text, native.steps)
        if places is not None and not mismatches(native.letters, text, places.tolist()):
            return text, 1
    return _numbered_sequence(native, model) or (native.letters, 1)


def _numbered_sequence(native: Polymer, model: Polymer) -> tuple[str, int] | None:
    """Return the sequence over all residue numbers, X where neither has one, if both files number alike."""
    if (np.diff(native.numbers) < 1).any() or (np.diff(model.numbers) < 1).any():
        return None
    letter_of = dict(zip(native.numbers.tolist(), native.letters, strict=True))
    other = dict(zip(model.numbers.tolist(), model.letters, strict=True))
    shared = letter_of.keys() & other.keys()
    alike = sum(letter_of[number] == other[number] for number in shared)
    if 2 * len(shared) < min(len(letter_of), len(other)) or alike < LEAST_AGREEMENT * len(shared):
        return None
    merged = other | letter_of
    first, last = min(merged), max(merged)
    if last - first >= LONGEST_NUMBERING:
        return None
    return "".join(merged.get(number, "X") for number in range(first, last + 1)), first
