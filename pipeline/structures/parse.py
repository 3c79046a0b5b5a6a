"""From structure files to chains: full sequences and C-alpha positions, or a reason why not.

Every file gives at least one row: its protein chains, or a quarantine row that says what was wrong. Nothing that
is wrong with one file stops the stage.
"""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from pipeline.config_data import ParseConfig
from pipeline.structures.refusals import Refusal, Refused

PEPTIDES = (gemmi.PolymerType.PeptideL, gemmi.PolymerType.PeptideD)


@dataclass(frozen=True)
class Chain:
    """One protein chain; arrays have one row for each residue of the full sequence.

    Attributes:
        name: chain id of the file (author's naming), may be empty.
        sequence: one letter a residue, modified residues as their parent, X where there is none.
        coords: (L, 3) float32, angstrom, NaN where the C-alpha was not observed.
        resolution: angstrom, or None.
        method: experimental method, or None.
        year: of deposition, or None.
    """

    name: str
    sequence: str
    coords: np.ndarray
    resolution: float | None
    method: str | None
    year: int | None

    @property
    def observed(self) -> np.ndarray:
        """(L,) bool, True where the C-alpha has a position."""
        return np.isfinite(self.coords).all(axis=1)


def read_chains(path: Path, limits: ParseConfig) -> list[Chain | Refused]:
    """Return each protein chain of the first model of a file, or why it is refused.

    Parameters:
        path: PDB or mmCIF, plain or .gz; the format is told from the name.
        limits: what is taken.

    Returns:
        At least one item.
    """
    try:
        return _read(path, limits)
    except Exception as error:  # gemmi raises several kinds, also late, and whatever it says is the reason
        return [Refused(None, Refusal.UNREADABLE, f"{path.name}: {_one_line(error)}")]


def _read(path: Path, limits: ParseConfig) -> list[Chain | Refused]:
    structure = gemmi.read_structure(str(path), merge_chain_parts=False)
    structure.setup_entities()
    structure.assign_label_seq_id()
    if not len(structure) or not structure[0].count_atom_sites():
        return [Refused(None, Refusal.NO_ATOMS, f"{path.name}: no atoms")]
    found: dict[str, Chain | Refused] = {}
    again: list[Chain | Refused] = []
    for chain in structure[0]:
        for part in chain.subchains():
            if part[0].entity_type != gemmi.EntityType.Polymer:
                continue
            if chain.name in found:
                message = f"chain {chain.name!r}: a second polymer of {len(part)} residues under the same chain id"
                again.append(Refused(chain.name, Refusal.CHAIN_COPY, message))
            else:
                found[chain.name] = _read_chain(structure, chain.name, part, limits)
    if not found:
        return [Refused(None, Refusal.NO_PROTEIN, f"{path.name}: no polymer, only ligands or waters")]
    return [*found.values(), *again]


def _read_chain(
    structure: gemmi.Structure, name: str, polymer: gemmi.ResidueSpan, limits: ParseConfig
) -> Chain | Refused:
    kind = polymer.check_polymer_type()
    if kind not in PEPTIDES:
        return Refused(name, Refusal.NOT_PROTEIN, f"chain {name!r}: polymer type {kind.name}")
    residues = list(polymer.first_conformer())
    entity = structure.get_entity_of(polymer)
    monomers = [gemmi.Entity.first_mon(item) for item in entity.full_sequence] if entity else []
    if monomers:
        positions = [residue.label_seq or 0 for residue in residues]
        if min(positions) < 1 or max(positions) > len(monomers) or len(set(positions)) < len(positions):
            return Refused(
                name,
                Refusal.SEQUENCE_MISMATCH,
                f"chain {name!r}: {len(residues)} residues with coordinates do not fit the {len(monomers)} residues "
                "of its given sequence",
            )
    else:
        monomers = [residue.name for residue in residues]
        positions = list(range(1, len(residues) + 1))
    coords = np.full((len(monomers), 3), np.nan, dtype=np.float32)
    for position, residue in zip(positions, residues, strict=True):
        coords[position - 1] = _alpha_carbon(residue)
    coords[~np.isfinite(coords).all(axis=1)] = np.nan
    sequence = "".join(_one_letter(monomer) for monomer in monomers)
    chain = Chain(name, sequence, coords, structure.resolution or None, _method(structure), _year(structure))
    return _within(chain, limits) or chain


def _within(chain: Chain, limits: ParseConfig) -> Refused | None:
    length = len(chain.sequence)
    seen = chain.observed.mean()
    unknown = chain.sequence.count("X") / length
    label = f"chain {chain.name!r}"
    if length < limits.min_length:
        return Refused(chain.name, Refusal.TOO_SHORT, f"{label}: {length} residues, at least {limits.min_length}")
    if length > limits.max_length:
        return Refused(chain.name, Refusal.TOO_LONG, f"{label}: {length} residues, at most {limits.max_length}")
    if seen < limits.min_observed:
        return Refused(
            chain.name,
            Refusal.TOO_FEW_OBSERVED,
            f"{label}: {seen:.0%} observed, at least {limits.min_observed:.0%}",
        )
    if unknown > limits.max_unknown:
        return Refused(
            chain.name,
            Refusal.TOO_MANY_UNKNOWN,
            f"{label}: {unknown:.0%} unknown, at most {limits.max_unknown:.0%}",
        )
    return None


def _alpha_carbon(residue: gemmi.Residue) -> list[float]:
    """Return the position of the C-alpha with the highest occupancy, the first of equals; NaN without one."""
    atoms = [atom for atom in residue if atom.name == "CA" and atom.element.name == "C"]
    if not atoms:
        return [np.nan] * 3
    return max(atoms, key=lambda atom: atom.occ).pos.tolist()


def _one_letter(monomer: str) -> str:
    letter = gemmi.find_tabulated_residue(monomer).one_letter_code.upper()
    return letter if letter.isalpha() else "X"


def _method(structure: gemmi.Structure) -> str | None:
    return dict(structure.info.items()).get("_exptl.method")


def _year(structure: gemmi.Structure) -> int | None:
    info = dict(structure.info.items())
    year = info.get("_pdbx_database_status.recvd_initial_deposition_date", "")[:4]
    return int(year) if year.isdigit() else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
