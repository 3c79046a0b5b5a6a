"""C-alpha traces as structure files."""

from pathlib import Path

import gemmi
import numpy as np


def write_pdb(path: Path, *, sequence: str, coords: np.ndarray, confidence: np.ndarray | None = None) -> None:
    """Write a C-alpha trace as PDB; residues without coordinates are left out and keep their number.

    Parameters:
        path: of the file.
        sequence: L letters.
        coords: (L, 3), angstrom; NaN where there is no position.
        confidence: (L,), 0..100, for the B-factor column; 0 if None or NaN.
    """
    chain = gemmi.Chain("A")
    names = gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
    for index, name in enumerate(names):
        if not np.isfinite(coords[index]).all():
            continue
        atom = gemmi.Atom()
        atom.name, atom.element = "CA", gemmi.Element("C")
        atom.pos = gemmi.Position(*coords[index])
        atom.b_iso = 0.0 if confidence is None else float(np.nan_to_num(confidence[index]))
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = name, gemmi.SeqId(index + 1, " "), "A"
        residue.add_atom(atom)
        chain.add_residue(residue)
    model = gemmi.Model(1)
    model.add_chain(chain)
    structure = gemmi.Structure()
    structure.add_model(model)
    structure.setup_entities()
    structure.write_pdb(str(path))
