"""C-alpha traces as structure files."""

from pathlib import Path

import gemmi
import numpy as np

from proteinmtp.base.files import atomic


def write_trace(
    path: Path, *, sequence: str, coords: np.ndarray, confidence: np.ndarray | None = None, title: str = ""
) -> None:
    """Write a C-alpha trace as mmCIF if the name ends in .cif, else as PDB.

    Residues without coordinates are left out and keep their number; the full sequence stands in SEQRES or the entity.

    Parameters:
        path: of the file.
        sequence: L letters.
        coords: (L, 3), angstrom; NaN where there is no position.
        confidence: (L,), 0..100, for the B-factors; 0 if None or NaN.
        title: of the entry, a line.
    """
    structure = _structure(path.stem, sequence, coords, confidence, title)
    mmcif = path.suffix.lower() == ".cif"
    text = structure.make_mmcif_document().as_string() if mmcif else structure.make_pdb_string()
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _structure(
    name: str, sequence: str, coords: np.ndarray, confidence: np.ndarray | None, title: str
) -> gemmi.Structure:
    chain = gemmi.Chain("A")
    names = gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
    for index, residue_name in enumerate(names):
        if not np.isfinite(coords[index]).all():
            continue
        atom = gemmi.Atom()
        atom.name, atom.element = "CA", gemmi.Element("C")
        atom.pos = gemmi.Position(*coords[index])
        atom.b_iso = 0.0 if confidence is None else float(np.nan_to_num(confidence[index]))
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = residue_name, gemmi.SeqId(index + 1, " "), "A"
        residue.label_seq = index + 1
        residue.add_atom(atom)
        chain.add_residue(residue)
    model = gemmi.Model(1)
    model.add_chain(chain)
    structure = gemmi.Structure()
    structure.name = name
    if title:
        structure.info["_struct.title"] = title
    structure.add_model(model)
    structure.setup_entities()
    for entity in structure.entities:
        entity.full_sequence = names
    return structure
