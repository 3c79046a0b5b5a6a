"""Scores of one run against the experiment, one row for each chain, and three chains to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import logs
from pipeline.dataset.reader import ChainRecord, read_chains
from pipeline.dataset.tables import open_table, read_all, read_rows, write_rows
from pipeline.evaluation.schemas import EXAMPLES, METRICS
from pipeline.geometry.distances import pack_upper, pairwise_distances, unpack_upper
from pipeline.geometry.lddt import lddt
from pipeline.geometry.superposition import score, superpose

NAMES = ("mae", "rmse", "lddt", "tm_score", "gdt_ts", "gdt_ha", "rmsd")
"""Metrics of a chain: `mae` and `rmse` of the predicted distances over observed pairs, the others of the
reconstructed coordinates over observed residues; TM-score and GDT are divided by the number of observed residues."""

MIN_OBSERVED = 3


def evaluate(
    run: str,
    predictions: Sequence[Path],
    structures: Sequence[Path],
    chains: Sequence[Path],
    split: Path,
    metrics: Path,
    examples: Path,
) -> None:
    """Score all predicted chains of a run.

    Parameters:
        run: name for the tables.
        predictions, structures, chains: shards, in the same order.
        split: table with the cluster of each chain.
        metrics: Parquet output, one row for each chain.
        examples: Parquet output, the best, the median and the worst chain.
    """
    predicted = {row["chain_id"]: row["triu"] for row in read_all(predictions, ["chain_id", "triu"])}
    rebuilt = {row["chain_id"]: row for row in read_all(structures)}
    cluster_of = {row["chain_id"]: row["cluster_id"] for row in read_rows(split, ["chain_id", "cluster_id"])}
    native = read_chains(chains, predicted.keys())
    scored: list[dict[str, Any]] = []
    for chain in logs.progress(native, f"evaluate {run}", len(native)):
        structure = rebuilt[chain.chain_id]
        scored.append(
            {
                "run": run,
                "chain_id": chain.chain_id,
                "cluster_id": cluster_of[chain.chain_id],
                "length": len(chain),
                "observed": int(np.isfinite(chain.coords).all(1).sum()),
                "stress": structure["stress"],
                "mirror_margin": structure["mirror_margin"],
            }
            | score_chain(
                unpack_upper(predicted[chain.chain_id].astype(np.float64), len(chain)),
                structure["coords"].astype(np.float64),
                chain.coords.astype(np.float64),
            )
        )
    write_rows(metrics, METRICS, scored)
    by_id = {chain.chain_id: chain for chain in native}
    with open_table(examples, EXAMPLES) as table:
        for label, row in _notable(scored):
            chain = by_id[row["chain_id"]]
            table.add(_example(label, row, chain, predicted[chain.chain_id], rebuilt[chain.chain_id]["coords"]))


def _notable(scored: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return best, median and worst chain by TM-score; with fewer than three chains some are the same."""
    ranked = sorted((row for row in scored if row["tm_score"] is not None), key=lambda row: -row["tm_score"])
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1} if ranked else {}
    return [(label, ranked[place]) for label, place in places.items()]


def _example(
    label: str, row: dict[str, Any], chain: ChainRecord, predicted: np.ndarray, coords: np.ndarray
) -> dict[str, Any]:
    native = torch.from_numpy(chain.coords.astype(np.float64))
    return {name: row[name] for name in ("run", "chain_id", "length", "mae", "lddt", "tm_score")} | {
        "label": label,
        "sequence": chain.sequence,
        "true_triu": pack_upper(pairwise_distances(native).numpy()),
        "predicted_triu": predicted,
        "native": chain.coords,
        "model": superpose(torch.from_numpy(coords.astype(np.float64)), native).numpy(),
    }


def score_chain(distances: np.ndarray | None, coords: np.ndarray, native: np.ndarray) -> dict[str, float | None]:
    """Return all metrics of one chain; only observed residues count.

    Parameters:
        distances: (L, L) predicted, angstrom, NaN where there is none; None for a model that predicts none.
        coords: (L, 3) reconstructed, angstrom, NaN where the model has no residue: such a residue is not superposed
            and counts as wrong in lDDT, TM-score and GDT.
        native: (L, 3) experimental, angstrom, NaN where not observed.

    Returns:
        A value for each of `NAMES`; all None where fewer than three residues are in both.
    """
    seen = np.isfinite(native).all(1)
    both = seen & np.isfinite(coords).all(1)
    if both.sum() < MIN_OBSERVED:
        return dict.fromkeys(NAMES)
    fixed, mobile = torch.from_numpy(native[seen]), torch.from_numpy(coords[seen])
    true, found = pairwise_distances(fixed), pairwise_distances(mobile)
    predicted = found.numpy() if distances is None else distances[np.ix_(seen, seen)]
    above = np.triu_indices(int(seen.sum()), 1)
    error = predicted[above] - true.numpy()[above]
    error = error[np.isfinite(error)]
    scores = score(torch.from_numpy(coords[both]), torch.from_numpy(native[both]), int(seen.sum()))
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "lddt": lddt(found, true),
        "tm_score": scores.tm_score,
        "gdt_ts": scores.gdt_ts,
        "gdt_ha": scores.gdt_ha,
        "rmsd": scores.rmsd,
    }
