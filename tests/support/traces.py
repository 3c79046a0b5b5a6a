"""C-alpha traces for tests: random ones, as polymers, and as files."""

import gzip
from pathlib import Path

import gemmi
import numpy as np

from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.structures.polymers import Polymer

STEP = TRANS_BOND


def random_trace(length: int, seed: int) -> np.ndarray:
    """Return (L, 3) points at 3.8 angstrom from each to the next, bent and turned as chains can be."""
    rng = np.random.default_rng(seed)
    points = [np.zeros(3), np.array([STEP, 0.0, 0.0])]
    axis = np.array([0.0, 0.0, 1.0])
    for _ in range(length - 2):
        along = (points[-1] - points[-2]) / STEP
        axis = axis - (axis @ along) * along + 0.3 * rng.normal(size=3)
        side = np.cross(along, axis)
        side /= np.linalg.norm(side)
        bend = np.deg2rad(rng.uniform(40, 80))
        points.append(points[-1] + STEP * (np.cos(bend) * along + np.sin(bend) * side))
    return np.array(points[:length])


def polymer(letters: str, coords: np.ndarray, numbers: np.ndarray | None = None, **more: object) -> Polymer:
    """Return a protein chain as it would be read from a file."""
    return Polymer(
        chain="A",
        kind=gemmi.PolymerType.PeptideL,
        letters=letters,
        numbers=np.arange(1, len(letters) + 1) if numbers is None else numbers,
        coords=coords.astype(np.float32),
        b_factors=np.zeros(len(letters), dtype=np.float32),
        steps=np.linalg.norm(np.diff(coords, axis=0), axis=1).astype(np.float32),
        places=None,
        **more,  # type: ignore[arg-type]
    )


def write_trace(
    path: Path,
    letters: str,
    coords: np.ndarray,
    numbers: np.ndarray | None = None,
    b_factors: np.ndarray | None = None,
    chains: str = "A",
    seqres: str | None = None,
) -> None:
    """Write a C-alpha trace as PDB or mmCIF, gzip too, as the name says; each of `chains` gets the same."""
    model = gemmi.Model(1)
    for name in chains:
        chain = gemmi.Chain(name)
        for index, residue_name in enumerate(gemmi.expand_one_letter_sequence(letters, gemmi.ResidueKind.AA)):
            atom = gemmi.Atom()
            atom.name, atom.element, atom.pos = "CA", gemmi.Element("C"), gemmi.Position(*coords[index])
            atom.b_iso = 0.0 if b_factors is None else float(b_factors[index])
            residue = gemmi.Residue()
            residue.name, residue.het_flag = residue_name, "A"
            residue.seqid = gemmi.SeqId(index + 1 if numbers is None else int(numbers[index]), " ")
            residue.add_atom(atom)
            chain.add_residue(residue)
        model.add_chain(chain)
    structure = gemmi.Structure()
    structure.add_model(model)
    structure.setup_entities()
    if seqres is not None:
        for entity in structure.entities:
            entity.full_sequence = gemmi.expand_one_letter_sequence(seqres, gemmi.ResidueKind.AA)
    plain = path.name.removesuffix(".gz")
    text = structure.make_mmcif_document().as_string() if plain.endswith(".cif") else structure.make_pdb_string()
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
