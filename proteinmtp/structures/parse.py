"""From structure files to chains: full sequences and C-alpha positions, or a reason why not.

Every polymer of a file ends as one chain or as one refusal; a file without a polymer gives one refusal. Nothing that
is wrong with one file stops the stage.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import gemmi
import numpy as np

from proteinmtp.config import ParseConfig
from proteinmtp.geometry.constants import LONGEST_BOND, SHORTEST_BOND
from proteinmtp.structures.placement import mismatches, place
from proteinmtp.structures.polymers import Polymer, StructureFile, read_structure
from proteinmtp.structures.records import RecordError, TooLargeError, is_mmcif, printable, read_bytes
from proteinmtp.structures.refusals import Refusal, Refused

PEPTIDES = (gemmi.PolymerType.PeptideL, gemmi.PolymerType.PeptideD)
MOST_STATED_MISMATCHES = 0.1
"""Of residues whose places the file states; two kinds of amino acid at one place are not rare."""
MMCIF_NAME = re.compile(r"\.(mm)?cif(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedChain:
    """One protein chain; arrays have one row for each residue of the full sequence.

    Attributes:
        name: the author's chain id, may be empty; a second polymer under the same id is called A.2.
        sequence: one letter a residue, modified residues as their parent, X where there is none.
        coords: (L, 3) float32, angstrom, NaN where the C-alpha was not observed.
        resolution: angstrom, or None.
        method: experimental method, or None.
        year: of deposition, or None.
        uniprot: accession, or None.
        breaks: number of neighbours in the sequence, both observed, that no peptide bond joins.
        copies: number of chains of the file with this sequence, this one among them.
    """

    name: str
    sequence: str
    coords: np.ndarray
    resolution: float | None
    method: str | None
    year: int | None
    uniprot: str | None
    breaks: int
    copies: int = 1

    @property
    def observed(self) -> np.ndarray:
        """(L,) bool, True where the C-alpha has a position."""
        observed: np.ndarray = np.isfinite(self.coords).all(axis=1)
        return observed


@dataclass(frozen=True)
class Parsed:
    """All that one file gave.

    Attributes:
        items: at least one: chains, and what is refused.
        polymers: number of polymers in the file, counted before any of them was judged.
        repairs: names of the harmless defects that were repaired.
    """

    items: list[ParsedChain | Refused]
    polymers: int = 0
    repairs: tuple[str, ...] = ()


def parse_file(path: Path, limits: ParseConfig, resolution: float | None = None) -> Parsed:
    """Return each protein chain of the first model of a file, or why it is refused.

    Parameters:
        path: PDB or mmCIF, plain or gzip; the content decides which, then the name.
        limits: what is taken.
        resolution: angstrom, as the source has it; it goes before that of the file.
    """
    name = printable(path.name)
    try:
        data = read_bytes(path, limits.max_megabytes * 1_000_000)
        file = read_structure(data, is_mmcif(data) or MMCIF_NAME.search(path.name) is not None)
    except TooLargeError as error:
        return Parsed([Refused(None, Refusal.TOO_LARGE, f"{name}: {error}")])
    except RecordError as error:
        return Parsed([Refused(None, Refusal.UNREADABLE, f"{name}: {error}")])
    except Exception as error:  # gemmi and gzip raise several kinds; the message is the reason
        return Parsed([Refused(None, Refusal.UNREADABLE, f"{name}: {_one_line(error)}")])
    if resolution is not None:
        file = replace(file, resolution=resolution)
    refused = _refuse_file(name, file, limits)
    if refused is not None:
        return Parsed([refused], 0, file.repairs)
    return Parsed(_judge(file, limits), len(file.polymers), file.repairs)


def _refuse_file(name: str, file: StructureFile, limits: ParseConfig) -> Refused | None:
    if not file.atoms:
        return Refused(None, Refusal.NO_ATOMS, f"{name}: no atoms")
    if not file.polymers:
        return Refused(None, Refusal.NO_PROTEIN, f"{name}: no polymer, only ligands or waters")
    if limits.max_resolution is not None and file.resolution is not None and file.resolution > limits.max_resolution:
        message = f"{name}: {file.resolution:.2f} A, at most {limits.max_resolution:.2f} A"
        return Refused(None, Refusal.LOW_RESOLUTION, message)
    return None


def _judge(file: StructureFile, limits: ParseConfig) -> list[ParsedChain | Refused]:
    items = []
    for name, polymer in _named(file.polymers):
        items.append(_chain(name, polymer, file, limits))
    return list(_without_copies(items)) if limits.copies == "first" else items


def _named(polymers: tuple[Polymer, ...]) -> Iterator[tuple[str, Polymer]]:
    """Yield each polymer with a name that no other of the file has."""
    taken: set[str] = set()
    for polymer in polymers:
        names = (f"{polymer.chain}.{number}" if number > 1 else polymer.chain for number in count(1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield name, polymer


def _chain(name: str, polymer: Polymer, file: StructureFile, limits: ParseConfig) -> ParsedChain | Refused:
    label = f"chain {name!r}"
    if polymer.kind not in PEPTIDES:
        return Refused(name, Refusal.NOT_PROTEIN, f"{label}: polymer type {polymer.kind.name}")
    sequence = polymer.sequence or polymer.letters
    length, observed = len(sequence), len(polymer.letters)
    if length < limits.min_length:
        return Refused(name, Refusal.TOO_SHORT, f"{label}: {length} residues, at least {limits.min_length}")
    if length > limits.max_length:
        return Refused(name, Refusal.TOO_LONG, f"{label}: {length} residues, at most {limits.max_length}")
    coords, places = polymer.coords, None
    if polymer.sequence and (polymer.places is not None or sequence != polymer.letters):
        places = _places(polymer, sequence)
        if places is None:
            message = f"{label}: {observed} residues with atoms do not fit the {length} residues of its given sequence"
            return Refused(name, Refusal.SEQUENCE_MISMATCH, message)
        if "X" in sequence:
            sequence = _completed(sequence, polymer.letters, places)
        coords = np.full((length, 3), np.nan, dtype=np.float32)
        coords[places] = polymer.coords
    seen = np.count_nonzero(np.isfinite(polymer.coords[:, 0])) / length
    if seen < limits.min_observed:
        message = f"{label}: {seen:.1%} observed, at least {limits.min_observed:.1%}"
        return Refused(name, Refusal.TOO_FEW_OBSERVED, message)
    unknown = sequence.count("X") / length
    if unknown > limits.max_unknown:
        message = f"{label}: {unknown:.1%} unknown, at most {limits.max_unknown:.1%}"
        return Refused(name, Refusal.TOO_MANY_UNKNOWN, message)
    breaks, outliers = _bonds(polymer, places)
    if outliers > limits.max_bond_outliers:
        limit = f"{SHORTEST_BOND}-{LONGEST_BOND} A"
        message = f"{label}: {outliers:.1%} of the C-alpha distances of neighbours are outside {limit}"
        return Refused(name, Refusal.BOND_OUTLIERS, f"{message}, at most {limits.max_bond_outliers:.1%}")
    if limits.max_breaks is not None and breaks > limits.max_breaks:
        return Refused(name, Refusal.TOO_MANY_BREAKS, f"{label}: {breaks} chain breaks, at most {limits.max_breaks}")
    return ParsedChain(name, sequence, coords, file.resolution, file.method, file.year, polymer.uniprot, breaks)


def _places(polymer: Polymer, sequence: str) -> np.ndarray | None:
    if polymer.places is None:
        return place(polymer.letters, polymer.numbers, sequence, polymer.steps)
    places = polymer.places
    fits = places[0] >= 0 and places[-1] < len(sequence) and bool((np.diff(places) > 0).all())
    allowed = MOST_STATED_MISMATCHES * len(places)
    return places if fits and mismatches(polymer.letters, sequence, places.tolist()) <= allowed else None


def _completed(sequence: str, observed: str, places: np.ndarray) -> str:
    """Put observed letters where the given sequence has X."""
    letters = list(sequence)
    for index, letter in zip(places.tolist(), observed, strict=True):
        if letters[index] == "X":
            letters[index] = letter
    return "".join(letters)


def _bonds(polymer: Polymer, places: np.ndarray | None) -> tuple[int, float]:
    """Return the number of chain breaks, and which fraction of the bonds has a length that no bond can have.

    A neighbour in the sequence that is too far away after a gap in the numbering is a break alone.

    Parameters:
        polymer: with n residues.
        places: (n,) their positions in the sequence, or None if they are the whole of it.
    """
    distance = polymer.steps
    if not len(distance) or (distance.min() >= SHORTEST_BOND and distance.max() <= LONGEST_BOND):
        return 0, 0.0
    neighbours = np.isfinite(distance)
    if places is not None:
        neighbours &= places[1:] - places[:-1] == 1
    long = neighbours & (distance > LONGEST_BOND)
    outliers = neighbours & (distance < SHORTEST_BOND)
    outliers |= long & (polymer.numbers[1:] - polymer.numbers[:-1] <= 1)
    return int(long.sum()), float(outliers.sum() / max(neighbours.sum(), 1))


def _without_copies(items: list[ParsedChain | Refused]) -> Iterator[ParsedChain | Refused]:
    """Keep of chains with one sequence the one with the most observed residues, the first of equals."""
    groups: dict[str, list[ParsedChain]] = {}
    for item in items:
        if isinstance(item, ParsedChain):
            groups.setdefault(item.sequence, []).append(item)
    best_of = {
        sequence: max(copies, key=lambda chain: chain.observed.sum()) if len(copies) > 1 else copies[0]
        for sequence, copies in groups.items()
    }
    for item in items:
        if isinstance(item, Refused):
            yield item
            continue
        copies, best = groups[item.sequence], best_of[item.sequence]
        if item is best:
            yield replace(item, copies=len(copies)) if len(copies) > 1 else item
        else:
            message = f"chain {item.name!r}: the same sequence as chain {best.name!r}, which is used"
            yield Refused(item.name, Refusal.CHAIN_COPY, message)


def _one_line(error: Exception) -> str:
    return printable(" ".join(str(error).split()))[:500] or type(error).__name__
