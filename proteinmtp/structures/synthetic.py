"""Synthetic proteins: a deterministic set of fold families, written as real PDB and mmCIF files.

A family is a string of helices and strands joined by loops, folded from ideal phi and psi angles so that it is
compact and free of clashes, with a consensus sequence drawn from secondary-structure propensities. A member
mutates 30-50 % of the consensus, wobbles the angles and coordinates a little, has ragged ends, and lies turned and
moved at random, as entries of the PDB do. Some files have two chains, selenomethionine, alternate locations, waters
or unobserved residues, and three cannot be used, so that the parser and the quarantine have something to do.
"""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.random import Generator

from proteinmtp.base.logs import progress
from proteinmtp.config import DemoSource
from proteinmtp.geometry.constants import APART_IN_DEMO
from proteinmtp.geometry.polypeptide import build_polypeptide

TOPOLOGIES = (
    "HHH", "EHEE", "HHHH", "EEEE", "EHEHE", "HEH", "HEEH", "EEHE", "HHE", "EHHE", "HEHE", "EEEH",
    "EEHH", "HHEE", "HEEE", "HHHE", "EHEH", "HHEH", "HEHEH", "EEEEE", "EHH", "HEHH", "EEHEE", "EHHH",
)  # fmt: skip
"""Order of helices (H) and strands (E) of each family."""

ANGLES = {"H": (-58.0, -47.0), "E": (-120.0, 132.0)}
LOOP_ANGLES = ((-60.0, -30.0), (-60.0, 140.0), (-90.0, 0.0), (55.0, 45.0), (-80.0, 150.0), (-120.0, 120.0))
SEGMENT_LENGTHS = {"H": (12, 18), "E": (7, 10), "L": (3, 6)}
LOOP_TRIALS = 64

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
PROPENSITIES = {
    "H": (
        1.42, 0.70, 1.01, 1.51, 1.13, 0.57, 1.00, 1.08, 1.16, 1.21,
        1.45, 0.67, 0.57, 1.11, 0.98, 0.77, 0.83, 1.06, 1.08, 0.69,
    ),
    "E": (
        0.83, 1.19, 0.54, 0.37, 1.38, 0.75, 0.87, 1.60, 0.74, 1.30,
        1.05, 0.89, 0.55, 1.10, 0.93, 0.75, 1.19, 1.70, 1.37, 1.47,
    ),
    "L": (
        0.66, 1.19, 1.46, 0.74, 0.60, 1.56, 0.95, 0.47, 1.01, 0.59,
        0.60, 1.56, 1.52, 0.98, 0.95, 1.43, 0.96, 0.50, 0.96, 1.14,
    ),
}  # fmt: skip
"""Chou & Fasman (1978): preference of each amino acid for helix, strand and turn."""

SHARPNESS = 2.0
"""Exponent on the propensities; with 1 the three classes would hardly differ in sequence."""

ANGLE_NOISE = np.radians(1.5)
COORDINATE_NOISE = 0.15
MUTATED = (0.3, 0.5)
GAP_LENGTH = 24
"""Shorter chains get no gap of unobserved residues."""


@dataclass(frozen=True)
class Family:
    """A fold: secondary structure (one letter a residue), its torsion angles (radians) and a consensus sequence."""

    states: str
    phi: np.ndarray
    psi: np.ndarray
    consensus: str


@dataclass(frozen=True)
class Member:
    """One protein of a family: sequence, backbone (L, 4, 3) in angstrom, and which residues have coordinates."""

    sequence: str
    backbone: np.ndarray
    observed: np.ndarray


def write_demo(folder: Path, config: DemoSource, seed: int) -> None:
    """Write all structure files of the demo.

    Parameters:
        folder: for the files.
        config: number and size of the families.
        seed: of all that is drawn; equal seeds give equal files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for family_index in progress(range(config.families), "demo", config.families, unit="family"):
        family = make_family(TOPOLOGIES[family_index], np.random.default_rng([seed, family_index]))
        rng = np.random.default_rng([seed, family_index, 1])
        members = [make_member(family, rng) for _ in range(config.members)]
        index = 0
        while index < len(members):
            chains = members[index : index + (2 if index % 20 == 10 else 1)]
            structure = _structure(f"f{family_index:02d}m{index:03d}", chains, rng)
            if index % 2:
                _write(folder / f"{structure.name}.cif", structure.make_mmcif_document().as_string())
            else:
                _write(folder / f"{structure.name}.pdb", structure.make_pdb_string())
            index += len(chains)
    _write_unusable(folder, np.random.default_rng([seed, 10**6]))


def make_family(topology: str, rng: Generator) -> Family:
    """Fold one family: each loop is the best of many trials, free of clashes if any is, and compact."""
    states, phi, psi = "", np.empty(0), np.empty(0)
    for index, kind in enumerate(topology):
        low, high = SEGMENT_LENGTHS[kind]
        segment = np.tile(np.radians(ANGLES[kind])[:, None], int(rng.integers(low, high + 1)))
        if index == 0:
            states, phi, psi = kind * segment.shape[1], segment[0], segment[1]
            continue
        low, high = SEGMENT_LENGTHS["L"]
        loop = int(rng.integers(low, high + 1))
        choices = np.radians(np.array(LOOP_ANGLES))[rng.integers(len(LOOP_ANGLES), size=(LOOP_TRIALS, loop))]
        choices += rng.normal(0, np.radians(12), choices.shape)
        trial_phi = np.concatenate([_rows(phi), choices[..., 0], _rows(segment[0])], axis=1)
        trial_psi = np.concatenate([_rows(psi), choices[..., 1], _rows(segment[1])], axis=1)
        best = int(np.argmin(_looseness(build_polypeptide(trial_phi, trial_psi)[:, :, 1])))
        states += "L" * loop + kind * segment.shape[1]
        phi, psi = trial_phi[best], trial_psi[best]
    return Family(states, phi, psi, "".join(_draw(state, rng) for state in states))


def make_member(family: Family, rng: Generator) -> Member:
    """Return a member: mutated, wobbled, with ragged ends, turned and moved at random."""
    length = len(family.states)
    mutated = rng.permutation(length)[: round(length * rng.uniform(*MUTATED))]
    letters = list(family.consensus)
    for position in mutated:
        letters[position] = _draw(family.states[position], rng, without=letters[position])
    phi, psi = (angles + rng.normal(0, ANGLE_NOISE, length) for angles in (family.phi, family.psi))
    backbone = build_polypeptide(phi, psi) + rng.normal(0, COORDINATE_NOISE, (length, 4, 3))
    first, last = (int(number) for number in rng.integers(0, 4, 2))
    kept = slice(first, length - last)
    backbone = _turned(backbone[kept], rng)
    observed = np.ones(len(backbone), dtype=bool)
    observed[: int(rng.integers(0, 3))] = False
    observed[len(observed) - int(rng.integers(0, 3)) :] = False
    if rng.random() < 0.1 and len(observed) > GAP_LENGTH:
        gap = int(rng.integers(10, len(observed) - 14))
        observed[gap : gap + int(rng.integers(2, 5))] = False
    return Member("".join(letters)[kept], backbone, observed)


def _rows(values: np.ndarray) -> np.ndarray:
    return np.broadcast_to(values, (LOOP_TRIALS, len(values)))


def _looseness(traces: np.ndarray) -> np.ndarray:
    """Return a score for each trace (T, L, 3): radius of gyration, plus a large penalty for each clash.

    Residues clash that are more than two apart in the sequence and too near in space.
    """
    distance = np.linalg.norm(traces[:, :, None] - traces[:, None], axis=-1)
    apart = np.abs(np.subtract.outer(np.arange(traces.shape[1]), np.arange(traces.shape[1]))) > 2
    clashes = ((distance < APART_IN_DEMO) & apart).sum((1, 2))
    spread = traces - traces.mean(1, keepdims=True)
    scores: np.ndarray = 100.0 * clashes + np.sqrt((spread**2).sum(-1).mean(-1))
    return scores


def _draw(state: str, rng: Generator, without: str = "") -> str:
    weights = np.array(PROPENSITIES[state]) ** SHARPNESS
    if without:
        weights[AMINO_ACIDS.index(without)] = 0
    return AMINO_ACIDS[int(rng.choice(len(AMINO_ACIDS), p=weights / weights.sum()))]


def _turned(points: np.ndarray, rng: Generator) -> np.ndarray:
    matrix, upper = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix *= np.sign(np.diag(upper))
    if np.linalg.det(matrix) < 0:
        matrix[:, 0] *= -1
    turned: np.ndarray = points @ matrix + rng.uniform(-40, 40, 3)
    return turned


def _structure(name: str, members: list[Member], rng: Generator) -> gemmi.Structure:
    structure = gemmi.Structure()
    structure.name = name
    structure.resolution = round(float(rng.uniform(1.2, 2.8)), 2)
    model = gemmi.Model(1)
    sequences = []
    for label, member in zip("AB", members, strict=False):
        names = gemmi.expand_one_letter_sequence(member.sequence, gemmi.ResidueKind.AA)
        if rng.random() < 0.1:
            names = ["MSE" if monomer == "MET" else monomer for monomer in names]
        chain = gemmi.Chain(label)
        for position in np.flatnonzero(member.observed):
            alternate = rng.random() < 0.01
            chain.add_residue(_residue(names[position], int(position) + 1, member.backbone[position], alternate))
        model.add_chain(chain)
        sequences.append(names)
    if rng.random() < 0.3:
        model.add_chain(_waters(rng))
    structure.add_model(model)
    structure.setup_entities()
    for chain, names in zip(structure[0], sequences, strict=False):
        entity = structure.get_entity_of(chain.get_polymer())
        entity.full_sequence = names
    structure.assign_label_seq_id()
    return structure


def _residue(name: str, number: int, atoms: np.ndarray, alternate: bool) -> gemmi.Residue:
    residue = gemmi.Residue()
    residue.name = name
    residue.seqid = gemmi.SeqId(number, " ")
    residue.het_flag = "H" if name == "MSE" else "A"
    for label, element, position in zip(("N", "CA", "C", "O"), "NCCO", atoms, strict=True):
        for location in "AB" if alternate else "\0":
            atom = gemmi.Atom()
            atom.name, atom.element = label, gemmi.Element(element)
            atom.altloc = location
            atom.occ = {"A": 0.6, "B": 0.4}.get(location, 1.0)
            shift = 0.7 if location == "B" else 0.0
            atom.pos = gemmi.Position(*(position + shift))
            atom.b_iso = 20.0
            residue.add_atom(atom)
    return residue


def _waters(rng: Generator) -> gemmi.Chain:
    chain = gemmi.Chain("W")
    for number in range(1, 4):
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = "HOH", gemmi.SeqId(number, " "), "H"
        atom = gemmi.Atom()
        atom.name, atom.element = "O", gemmi.Element("O")
        atom.pos = gemmi.Position(*rng.uniform(-20, 20, 3))
        residue.add_atom(atom)
        chain.add_residue(residue)
    return chain


def _write_unusable(folder: Path, rng: Generator) -> None:
    """Write a peptide that is too short, a file with waters only, and one that breaks off in the middle of a line."""
    family = make_family("HH", rng)
    member = make_member(family, rng)
    short = Member(member.sequence[5:13], member.backbone[5:13], np.ones(8, dtype=bool))
    _write(folder / "peptide.pdb", _structure("peptide", [short], rng).make_pdb_string())
    waters = gemmi.Structure()
    model = gemmi.Model(1)
    model.add_chain(_waters(rng))
    waters.add_model(model)
    _write(folder / "waters.pdb", waters.make_pdb_string())
    whole = _structure("broken", [member], rng).make_mmcif_document().as_string()
    _write(folder / "broken.cif", whole[: whole.index("ATOM", len(whole) // 2) + 30])


def _write(path: Path, text: str) -> None:
    """Write a file; gemmi itself says nothing of a disk that is full."""
    path.write_text(text, encoding="utf-8")
