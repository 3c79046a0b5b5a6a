"""From predicted distances to coordinates and structure files.

Classical MDS, SMACOF, then the hand: of the two mirror images the one whose pseudo-dihedrals are more likely under
the training chains. The experimental structure of a predicted chain is never read here. Heads that predict
coordinates are passed through as they are, with their own hand.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import gemmi
import numpy as np
import torch
from torch import Tensor

from pipeline import logs
from pipeline.config import ReconstructConfig
from pipeline.dataset.reader import read_chains, read_subset
from pipeline.dataset.tables import open_table, read_rows
from pipeline.geometry.chirality import BINS, dihedral_counts, mirror, mirror_log_ratio
from pipeline.geometry.distances import unpack_upper
from pipeline.geometry.mds import classical_mds, smacof, stress
from pipeline.inference.schemas import STRUCTURES
from pipeline.manifest import write_json


def write_chirality(chains: Sequence[Path], split: Path, output: Path) -> None:
    """Write the histogram of C-alpha pseudo-dihedrals over all training chains as JSON."""
    counts = torch.zeros(BINS, dtype=torch.long)
    for chain in read_chains(chains, read_subset(split, "train")):
        counts += dihedral_counts(torch.from_numpy(chain.coords))
    write_json(output, {"bins": BINS, "counts": counts.tolist()})


def reconstruct_shard(
    config: ReconstructConfig, predictions: Path, chains: Path, chirality: Path, output: Path, folder: Path
) -> None:
    """Rebuild the coordinates of a shard of predictions.

    Parameters:
        config: reconstruction settings.
        predictions: shard of predictions.
        chains: shard of chains, for the sequences only.
        chirality: histogram of the training chains.
        output: Parquet, one row for each prediction.
        folder: for one PDB file a chain, with the confidence in the B-factor column.
    """
    counts = torch.tensor(json.loads(chirality.read_text(encoding="utf-8"))["counts"])
    if not counts.sum():
        logging.warning("no training chain, so the mirror image is left to chance")
    sequences = {row["chain_id"]: row["sequence"] for row in read_rows(chains, ["chain_id", "sequence"])}
    rows = list(read_rows(predictions))
    folder.mkdir(parents=True, exist_ok=True)
    with open_table(output, STRUCTURES) as table:
        for row in logs.progress(rows, "reconstruct", len(rows)):
            distances = torch.from_numpy(unpack_upper(row["triu"].astype(np.float64), row["length"]))
            if row["coords"] is None:
                method = "mds+smacof" if config.smacof_steps else "mds"
                coords, margin = rebuild(distances, counts, config.smacof_steps)
            else:
                method, coords = "none", torch.from_numpy(row["coords"].astype(np.float64))
                margin = float(mirror_log_ratio(coords, counts)) / len(coords)
            table.add(
                {
                    "chain_id": row["chain_id"],
                    "length": row["length"],
                    "coords": coords.numpy(),
                    "method": method,
                    "stress": float(stress(distances, coords, coords.isfinite().all(-1))),
                    "mirror_margin": margin,
                }
            )
            # Chain names come from files: quoting leaves no character that means anything in a path.
            path = folder / f"{quote(row['chain_id'], safe='')}.pdb"
            write_pdb(path, sequences[row["chain_id"]], coords.numpy(), row["confidence"])


def rebuild(distances: Tensor, counts: Tensor, smacof_steps: int) -> tuple[Tensor, float]:
    """Return coordinates for a distance matrix, in the more likely of the two hands.

    Parameters:
        distances: (L, L), angstrom.
        counts: (36,) pseudo-dihedral histogram of the training chains.
        smacof_steps: iterations after classical MDS.

    Returns:
        Coordinates (L, 3) in angstrom, and the margin of the chosen hand in nats per residue.
    """
    coords = smacof(distances, classical_mds(distances), smacof_steps)
    ratio = float(mirror_log_ratio(coords, counts)) / len(coords)
    return (coords, ratio) if ratio >= 0 else (mirror(coords), -ratio)


def write_pdb(path: Path, sequence: str, coords: np.ndarray, confidence: np.ndarray | None) -> None:
    """Write a C-alpha trace as PDB.

    Parameters:
        path: output.
        sequence: L letters.
        coords: (L, 3), angstrom; residues with NaN are left out.
        confidence: (L,), 0..100, for the B-factor column; 0 if None.
    """
    chain = gemmi.Chain("A")
    names = gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
    for index, name in enumerate(names):
        if not np.isfinite(coords[index]).all():
            continue
        atom = gemmi.Atom()
        atom.name, atom.element = "CA", gemmi.Element("C")
        atom.pos = gemmi.Position(*coords[index])
        atom.b_iso = 0.0 if confidence is None else float(confidence[index])
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
