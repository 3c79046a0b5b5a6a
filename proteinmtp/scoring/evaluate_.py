"""Scores of one run against the experiment, one row for each chain, and three chains to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import logs
from proteinmtp.tables.reader import ChainRecord, read_chains
from proteinmtp.tables.parquet import open_table, read_all, read_rows, write_rows
from proteinmtp.tables.score_schemas_ import EXAMPLES, METRICS
from proteinmtp.scoring.chain import score_chain
from proteinmtp.geometry.distances import pack_upper, pairwise_distances
from proteinmtp.geometry.superposition import superpose

PREDICTED = ("chain_id", "triu", "contact", "confidence", "failed_residues")


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
    predicted = {row["chain_id"]: row for row in read_all(predictions, PREDICTED)}
    rebuilt = {row["chain_id"]: row for row in read_all(structures)}
    cluster_of = {row["chain_id"]: row["cluster_id"] for row in read_rows(split, ["chain_id", "cluster_id"])}
    native = read_chains(chains, predicted.keys())
    scored: list[dict[str, Any]] = []
    for chain in logs.progress(native, f"evaluate {run}", len(native)):
        structure, prediction = rebuilt[chain.chain_id], predicted[chain.chain_id]
        seen, failed = np.isfinite(chain.coords).all(1), prediction["failed_residues"]
        scored.append(
            {
                "run": run,
                "chain_id": chain.chain_id,
                "cluster_id": cluster_of[chain.chain_id],
                "length": len(chain),
                "observed": int(seen.sum()),
                "confidence": None if prediction["confidence"] is None else prediction["confidence"][seen],
                "stress": structure["stress"],
                "mirror_margin": structure["mirror_margin"],
                "mixed_hand": structure["mixed_hand"],
                "error_reach": structure["error_reach"],
                "parse_failures": None if failed is None else failed / len(chain),
            }
            | score_chain(
                prediction["triu"],
                structure["coords"].astype(np.float64),
                chain.coords.astype(np.float64),
                prediction["contact"],
            )
        )
    write_rows(metrics, METRICS, scored)
    by_id = {chain.chain_id: chain for chain in native}
    with open_table(examples, EXAMPLES) as table:
        for label, row in _notable(scored):
            chain = by_id[row["chain_id"]]
            table.add(_example(label, row, chain, predicted[chain.chain_id]["triu"], rebuilt[chain.chain_id]["coords"]))


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
