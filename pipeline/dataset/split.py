"""Which chains are for training, for validation and for the test.

`cluster` holds out whole homology clusters, so that a test chain has no relative in training. `members` holds out
members of every cluster: the folds are known and the question is whether the model recognises them. `memorise`
puts every chain into all three subsets, which checks the machinery and nothing else.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pipeline.config_data import SplitConfig
from pipeline.dataset.homology import Hit, clusters, search
from pipeline.dataset.schemas import SPLIT
from pipeline.dataset.tables import read_all, read_metadata, read_rows, write_rows
from pipeline.manifest import text_sha256, write_json


class AccountingError(RuntimeError):
    """Files or chains were lost between two stages."""


def write_split(
    chains: Sequence[Path],
    quarantine: Sequence[Path],
    config: SplitConfig,
    seed: int,
    threads: int,
    split: Path,
    summary: Path,
) -> None:
    """Divide the chains of all shards, and check that none was lost.

    Parameters:
        chains, quarantine: the shards of the parse stage, in the same order.
        config: method and thresholds.
        seed: decides which clusters or members are held out.
        threads: for MMseqs2.
        split: Parquet output, one row for each chain.
        summary: JSON output: counts, and the highest identity between test and training chains.

    Raises:
        AccountingError: if chains and quarantine do not add up to what the parser met.
    """
    sequences = {row["chain_id"]: row["sequence"] for row in read_all(chains, ["chain_id", "sequence"])}
    counts = _accounting(chains, quarantine)
    hits = search(sequences, threads)
    cluster_of = clusters(list(sequences), hits, config.identity, config.coverage)
    subset_of = assign(cluster_of, config, seed)
    write_rows(
        split,
        SPLIT,
        (
            {"chain_id": name, "cluster_id": cluster_of[name], "length": len(sequence)}
            | {subset: subset in subset_of[name] for subset in ("train", "val", "test")}
            for name, sequence in sorted(sequences.items())
        ),
    )
    subsets = {subset: sum(subset in held for held in subset_of.values()) for subset in ("train", "val", "test")}
    nearest = _nearest_training_identity(hits, subset_of)
    write_json(
        summary,
        counts
        | {
            "method": config.method,
            "clusters": len(set(cluster_of.values())),
            "subsets": subsets,
            "highest_test_train_identity": max(nearest.values(), default=0.0),
            "test_chains_with_training_hit": len(nearest),
        },
    )
    logging.info("%s split: %s in %d clusters", config.method, subsets, len(set(cluster_of.values())))


def assign(cluster_of: dict[str, str], config: SplitConfig, seed: int) -> dict[str, frozenset[str]]:
    """Return the subsets of each chain.

    Chains and clusters are taken in the order of a hash of their name and the seed. A held-out subset is filled
    until it has its fraction; a cluster that would overfill it stays in training. The test subset gets one cluster
    if there are two, however large.
    """

    def order(name: str) -> str:
        return text_sha256(str(seed), name)

    everything = frozenset(("train", "val", "test"))
    if config.method == "memorise":
        return dict.fromkeys(cluster_of, everything)
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(cluster_of, key=order):
        members[cluster_of[name]].append(name)
    subset_of: dict[str, frozenset[str]] = {}
    if config.method == "members":
        for names in members.values():
            test, val = round(config.test * len(names)), round(config.val * len(names))
            for position, name in enumerate(names):
                subset = "test" if position < test else "val" if position < test + val else "train"
                subset_of[name] = frozenset([subset])
        return subset_of
    groups = sorted(members, key=order)
    room = {"test": round(config.test * len(cluster_of)), "val": round(config.val * len(cluster_of))}
    if len(groups) > 1:
        smallest = min(groups, key=lambda group: (len(members[group]), order(group)))
        room["test"] = max(room["test"], len(members[smallest]))
    for group in groups:
        size = len(members[group])
        subset = next((subset for subset in ("test", "val") if size <= room[subset]), "train")
        if subset != "train":
            room[subset] -= size
        subset_of.update(dict.fromkeys(members[group], frozenset([subset])))
    return subset_of


def read_subset(split: Path, subset: str) -> set[str]:
    """Return the ids of the chains of a subset."""
    return {row["chain_id"] for row in read_rows(split, ["chain_id", subset]) if row[subset]}


def _accounting(chains: Sequence[Path], quarantine: Sequence[Path]) -> dict[str, int]:
    files_in = chains_in = parsed = refused_chains = refused_files = accounted = 0
    for kept, refused in zip(chains, quarantine, strict=True):
        metadata = read_metadata(kept)
        files_in += int(metadata["files_in"])
        chains_in += int(metadata["chains_in"])
        rows = list(read_rows(refused, ["entry_id", "chain"]))
        entries = [row["entry_id"] for row in read_rows(kept, ["entry_id"])]
        parsed += len(entries)
        refused_chains += sum(row["chain"] is not None for row in rows)
        refused_files += sum(row["chain"] is None for row in rows)
        accounted += len({*entries, *(row["entry_id"] for row in rows)})
    if accounted != files_in or parsed + refused_chains != chains_in:
        raise AccountingError(
            f"{files_in} files came in and {accounted} are accounted for; "
            f"{chains_in} chains came in, {parsed} were parsed and {refused_chains} refused"
        )
    return {
        "files_in": files_in,
        "files_refused": refused_files,
        "chains_in": chains_in,
        "chains_parsed": parsed,
        "chains_refused": refused_chains,
    }


def _nearest_training_identity(hits: Sequence[Hit], subset_of: dict[str, frozenset[str]]) -> dict[str, float]:
    nearest: dict[str, float] = {}
    for hit in hits:
        if "test" in subset_of[hit.query] and "train" in subset_of[hit.target]:
            nearest[hit.query] = max(nearest.get(hit.query, 0.0), hit.identity)
    return nearest
