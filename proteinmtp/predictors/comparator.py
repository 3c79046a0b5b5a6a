"""Predicted structures from elsewhere as the predictions of a run, so that they are scored by the same code."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from proteinmtp.tables.reader import read_subset
from proteinmtp.tables.parquet import open_table, read_rows
from proteinmtp.geometry.distances import pack_upper, pairwise_distances
from proteinmtp.predictors.matching import WAYS, Fit, Target, Targets, natural_order
from proteinmtp.tables.prediction_schemas_ import NOTHING, PREDICTIONS
from proteinmtp.base.logs import progress
from proteinmtp.base.files import write_json
from proteinmtp.structures.protein_chains import StructureError, read_protein_chains
from proteinmtp.structures.records import printable
from proteinmtp.structures.sources.directory import list_folder

COLUMNS = ("chain_id", "entry_id", "sequence", "uniprot", "coords")


@dataclass
class Matched:
    """What became of the files of a folder.

    Attributes:
        files: how many there are.
        taken: for each scored chain the file that stands for it, with its fit.
        unused: files for which another goes before, and which.
        unmatched: files that stand for no scored chain, and why.
        missing: scored chains without a file, and why.
    """

    files: int
    taken: dict[str, tuple[str, Fit]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    unmatched: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def write_comparator(
    name: str, folder: Path, chains: Sequence[Path], split: Path, subset: str, outputs: Sequence[Path], listing: Path
) -> None:
    """Match the files of a folder to the scored chains and write them as predictions.

    Parameters:
        name: of the comparator.
        folder: with predicted structures; nothing in it stops the stage.
        chains: shards of chains.
        split: table of the subsets.
        subset: that is scored.
        outputs: shards of predictions, in the order of `chains`; chains without a file have no row.
        listing: JSON that says which file stands for which chain, and which for none.

    Raises:
        SourceError: if there is no such folder, or no structure file in it.
    """
    scored = read_subset(split, subset)
    shards = [[_target(row, scored) for row in read_rows(path, COLUMNS)] for path in chains]
    targets = Targets([target for shard in shards for target in shard])
    matched = match_files(name, folder, targets, subset)
    for shard, output in zip(shards, outputs, strict=True):
        with open_table(output, PREDICTIONS) as table:
            for target in shard:
                if target.chain_id in matched.taken:
                    table.add(_prediction(matched.taken[target.chain_id][1]))
    write_json(listing, _listing(name, folder, matched))
    for what, reasons in (("unmatched", matched.unmatched), ("unused", matched.unused), ("missing", matched.missing)):
        for label, reason in reasons.items():
            logging.info("%s: %s: %s", what, label, reason)
    logging.info(
        "%s: %d files for %d of %d scored chains; %d unused, %d unmatched",
        name,
        len({file for file, _ in matched.taken.values()}),
        len(matched.taken),
        len(matched.taken) + len(matched.missing),
        len(matched.unused),
        len(matched.unmatched),
    )


def match_files(name: str, folder: Path, targets: Targets, subset: str) -> Matched:
    """Return which file of a folder stands for which chain; see `proteinmtp.predictors.matching`.

    Of several files for one chain the first counts: one matched by name before one matched by sequence, then in the
    natural order of the paths.
    """
    files = list_folder(folder, key=f"comparators ({name}).folder")
    labels = {printable(file.path.relative_to(folder).as_posix()): file for file in files}
    matched = Matched(len(files))
    fits: dict[str, list[Fit]] = {}
    trouble: dict[str, str] = {}
    for label in progress(sorted(labels, key=natural_order), name, len(labels), unit="file"):
        file = labels[label]
        stem = _stem(file.path.name)
        try:
            if file.problem is not None:
                raise StructureError(file.problem.message)
            found, reason = targets.fits(stem, read_protein_chains(file.path))
        except StructureError as error:
            found, reason = [], str(error)
        if found:
            fits[label] = found
        else:
            matched.unmatched[label] = reason
            for target in targets.named(stem)[1]:
                trouble.setdefault(target.chain_id, f"{label}: {reason}")
    _choose(fits, matched, subset)
    for target in targets.all:
        if target.scored and target.chain_id not in matched.taken:
            matched.missing[target.chain_id] = trouble.get(target.chain_id, "no file for it")
    return matched


def _choose(fits: dict[str, list[Fit]], matched: Matched, subset: str) -> None:
    ranked = sorted(
        ((WAYS.index(fit.by), place, label, fit) for place, label in enumerate(fits) for fit in fits[label]),
        key=lambda item: item[:2],
    )
    for _, _, label, fit in ranked:
        if fit.target.scored:
            matched.taken.setdefault(fit.target.chain_id, (label, fit))
    used = {label for label, _ in matched.taken.values()}
    for label, found in fits.items():
        if label in used:
            continue
        ids = [fit.target.chain_id for fit in found if fit.target.scored]
        if ids:
            matched.unused[label] = f"{matched.taken[ids[0]][0]} is taken for {ids[0]}"
        else:
            matched.unmatched[label] = f"{found[0].target.chain_id} is not in the {subset} subset"


def confidence(b_factors: np.ndarray) -> np.ndarray | None:
    """Return pLDDT, 0..100, from B-factors, or None if they cannot be that.

    Parameters:
        b_factors: (L,), NaN where there is no residue; pLDDT as 0..1 or 0..100. Values outside, or all equal, are
            something else.
    """
    known = b_factors[np.isfinite(b_factors)]
    if not len(known) or known.min() < 0 or known.max() > 100 or known.min() == known.max():
        return None
    return b_factors * np.float32(100 if known.max() <= 1 else 1)


def _target(row: dict[str, Any], scored: Collection[str]) -> Target:
    steps = np.linalg.norm(np.diff(row["coords"], axis=0), axis=1)
    return Target(row["chain_id"], row["entry_id"], row["sequence"], row["uniprot"], row["chain_id"] in scored, steps)


def _prediction(fit: Fit) -> dict[str, Any]:
    coords = fit.placed.coords
    distances = pairwise_distances(torch.from_numpy(coords)).numpy()
    return NOTHING | {
        "chain_id": fit.target.chain_id,
        "length": len(fit.target.sequence),
        "triu": pack_upper(distances).clip(max=float(np.finfo(np.float16).max)).astype(np.float16),
        "confidence": confidence(fit.placed.b_factors),
        "coords": coords.astype(np.float32),
    }


def _listing(name: str, folder: Path, matched: Matched) -> dict[str, Any]:
    return {
        "name": name,
        "folder": str(folder),
        "files": matched.files,
        "matched": [
            {
                "chain_id": chain_id,
                "file": label,
                "chain": fit.chain,
                "by": fit.by,
                "residues": int(np.isfinite(fit.placed.coords).all(1).sum()),
                "length": len(fit.target.sequence),
                "identity": round(fit.placed.identity, 4),
            }
            for chain_id, (label, fit) in sorted(matched.taken.items())
        ],
        "unused": [{"file": label, "reason": reason} for label, reason in matched.unused.items()],
        "unmatched": [{"file": label, "reason": reason} for label, reason in matched.unmatched.items()],
        "missing": [{"chain_id": chain_id, "reason": reason} for chain_id, reason in matched.missing.items()],
    }


def _stem(name: str) -> str:
    """Return a file name without its suffixes."""
    plain = name[:-3] if name.lower().endswith(".gz") else name
    return plain.rpartition(".")[0] or plain
