"""C-alpha traces as Biopython reads them, to compare the parser with."""

import gzip
import io
import warnings
from pathlib import Path

import numpy as np
from Bio.Data.PDBData import protein_letters_3to1_extended
from Bio.PDB import MMCIFParser, PDBParser

WATERS = {"HOH", "WAT", "DOD"}
Trace = tuple[str, np.ndarray]


def biopython_traces(path: Path) -> dict[str, Trace] | None:
    """Return letters and positions of the residues with a C-alpha, by chain id; None if Biopython cannot read it.

    Of alternate locations, and of two kinds of amino acid at one place, the one with more occupancy.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("latin-1")
    reader = MMCIFParser if ".cif" in path.name or path.suffix == ".mmcif" else PDBParser
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = next(iter(reader(QUIET=True).get_structure("x", io.StringIO(text))))
    except Exception:  # whatever it raises: the file is one that it cannot read
        return None
    return {chain.id.strip(): _trace(chain) for chain in model}


def _trace(chain) -> Trace:
    letters, positions = [], []
    for place in chain:
        kinds = place.disordered_get_list() if place.is_disordered() == 2 else [place]
        residue = max(kinds, key=lambda kind: kind["CA"].get_occupancy() if "CA" in kind else -1)
        name = residue.get_resname().strip()
        if name in WATERS | {"CA"} or "CA" not in residue:
            continue
        atom = residue["CA"]
        if atom.is_disordered():
            atom = max(atom.disordered_get_list(), key=lambda item: item.get_occupancy() or 0)
        letters.append(protein_letters_3to1_extended.get(name.ljust(3), "X"))
        positions.append(atom.coord)
    return "".join(letters), np.array(positions).reshape(-1, 3)
