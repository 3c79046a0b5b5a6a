"""From predicted distances to coordinates and structure files.

The work is done by `proteinmtp.geometry.rebuild`; of the two mirror images it takes the one whose pseudo-dihedrals are
more likely under the training chains. The experimental structure of a predicted chain is never read here. Heads that
predict coordinates are passed through as they are, with their own hand.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gemmi
import numpy as np
import torch
from torch import Tensor

from pipeline import logs
from proteinmtp.config.whole import ReconstructConfig
from proteinmtp.tables.reader import read_chains, read_subset
from proteinmtp.tables.parquet import Row, open_table, read_rows
from proteinmtp.geometry.chirality import BINS, dihedral_counts, mirror_log_ratio, wrong_hand_fraction
from proteinmtp.geometry.distances import unpack_upper
from proteinmtp.geometry.mds import stress
from proteinmtp.geometry.rebuild import rebuild
from proteinmtp.tables.prediction_schemas_ import STRUCTURES
from proteinmtp.base.files import write_json

BATCH_PAIRS = 500_000
"""Matrix entries that are rebuilt together: two megabytes for each matrix in float32, about what a cache holds."""


def write_chirality(chains: Sequence[Path], split: Path, output: Path) -> None:
    """Write how often one C-alpha pseudo-dihedral follows another, over all training chains, as JSON."""
    counts = torch.zeros(BINS, BINS, dtype=torch.long)
    for chain in read_chains(chains, read_subset(split, "train")):
        counts += dihedral_counts(torch.from_numpy(chain.coords))
    write_json(output, {"bins": BINS, "counts": counts.tolist()})


def read_chirality(path: Path) -> Tensor:
    """Return what `write_chirality` wrote: (BINS, BINS) counts."""
    return torch.tensor(json.loads(path.read_text(encoding="utf-8"))["counts"])


def reconstruct_shard(
    config: ReconstructConfig, predictions: Path, chains: Path, chirality: Path, output: Path, folder: Path
) -> None:
    """Rebuild the coordinates of a shard of predictions, similar lengths together.

    Which chains form a batch follows from the shard alone, so equal shards give equal bytes.

    Parameters:
        config: reconstruction settings.
        predictions: shard of predictions.
        chains: shard of chains, for the sequences only.
        chirality: histogram of the training chains.
        output: Parquet, one row for each prediction, in its order.
        folder: for one PDB file a chain, with the confidence in the B-factor column.
    """
    counts = read_chirality(chirality)
    if not counts.sum():
        logging.warning("no training chain, so the mirror image is left to chance")
    sequences = {row["chain_id"]: row["sequence"] for row in read_rows(chains, ["chain_id", "sequence"])}
    rows = list(read_rows(predictions))
    rebuilt: dict[str, dict[str, Any]] = {}
    meter = logs.Progress("reconstruct", len(rows))
    for members in _batches(rows):
        found = (
            _taken(members, counts)
            if members[0]["coords"] is not None
            else _rebuilt(members, sequences, counts, config)
        )
        rebuilt |= {row["chain_id"]: row for row in found}
        meter.step(len(members))
    meter.close()
    folder.mkdir(parents=True, exist_ok=True)
    with open_table(output, STRUCTURES) as table:
        for row in rows:
            structure = rebuilt[row["chain_id"]]
            table.add(structure)
            # Chain names come from files: quoting leaves no character that means anything in a path.
            path = folder / f"{quote(row['chain_id'], safe='')}.pdb"
            write_pdb(path, sequences[row["chain_id"]], structure["coords"], row["confidence"])


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows in batches: those with coordinates one by one, the others by length."""
    yield from ([row] for row in rows if row["coords"] is not None)
    batch: list[Row] = []
    for row in sorted((row for row in rows if row["coords"] is None), key=lambda row: int(row["length"])):
        if batch and (len(batch) + 1) * row["length"] ** 2 > BATCH_PAIRS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _taken(rows: Sequence[Row], counts: Tensor) -> list[dict[str, Any]]:
    """Return structures for heads that predict coordinates: as they are, in their own hand."""
    structures = []
    for row in rows:
        coords = torch.from_numpy(row["coords"].astype(np.float64))
        seen = int(coords.isfinite().all(-1).sum())
        structures.append(
            {
                "chain_id": row["chain_id"],
                "length": row["length"],
                "coords": coords.numpy(),
                "method": "none",
                "stress": float(stress(torch.from_numpy(_matrix(row, "triu")), coords)),
                "mirror_margin": float(mirror_log_ratio(coords, counts)) / max(seen, 1),
                "mixed_hand": float(wrong_hand_fraction(coords, counts, torch.tensor(seen))),
                "error_reach": None,
            }
        )
    return structures


def _rebuilt(
    rows: Sequence[Row], sequences: Mapping[str, str], counts: Tensor, config: ReconstructConfig
) -> list[dict[str, Any]]:
    lengths = torch.tensor([row["length"] for row in rows])
    width = int(lengths.max())
    letters = torch.zeros(len(rows), width, dtype=torch.bool)
    for index, row in enumerate(rows):
        following = sequences[row["chain_id"]][1:]
        letters[index, : len(following)] = torch.tensor([letter == "P" for letter in following], dtype=torch.bool)
    with_sigma, with_dihedral = (all(row[name] is not None for row in rows) for name in ("sigma", "dihedral"))
    found = rebuild(
        _stacked(rows, "triu", width),
        torch.arange(width) < lengths[:, None],
        counts,
        config,
        _stacked(rows, "sigma", width) if with_sigma else None,
        letters,
        _dihedrals(rows, width) if with_dihedral else None,
    )
    return [
        {
            "chain_id": row["chain_id"],
            "length": row["length"],
            "coords": found.coords[index, : row["length"]].numpy(),
            "method": config.method,
            "stress": float(found.stress[index]),
            "mirror_margin": float(found.margin[index]),
            "mixed_hand": float(found.mixed[index]),
            "error_reach": float(found.reach[index]) if found.reach[index].isfinite() else None,
        }
        for index, row in enumerate(rows)
    ]


def _stacked(rows: Sequence[Row], column: str, width: int) -> Tensor:
    """Return the matrices of a column, padded with zeros: (B, width, width) float32."""
    stacked = torch.zeros(len(rows), width, width)
    for index, row in enumerate(rows):
        stacked[index, : row["length"], : row["length"]] = torch.from_numpy(_matrix(row, column).astype(np.float32))
    return stacked


def _dihedrals(rows: Sequence[Row], width: int) -> Tensor:
    """Return the logits of the predicted pseudo-dihedrals, padded with zeros: (B, width - 3, BINS) float32."""
    stacked = torch.zeros(len(rows), max(width - 3, 0), BINS)
    for index, row in enumerate(rows):
        logits = torch.from_numpy(row["dihedral"].astype(np.float32)).unflatten(0, (-1, BINS))
        stacked[index, : len(logits)] = logits
    return stacked


def _matrix(row: Row, column: str) -> np.ndarray:
    return unpack_upper(row[column].astype(np.float64), row["length"])


def write_pdb(path: Path, sequence: str, coords: np.ndarray, confidence: np.ndarray | None) -> None:
    """Write a C-alpha trace as PDB; residues without coordinates are left out and keep their number.

    Parameters:
        path: output.
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
