"""Which chains are for training, for validation and for the test.

`cluster` holds out whole homology clusters, so that a test chain has no relative in training; `uniprot` holds out whole
UniProt accessions. `table` follows somebody else's table and `year` the calendar. `members` holds out members of
every cluster: the folds are known and the question is whether the model recognises them. `random` draws chains without
regard to relatives, as a control that leaks. `memorise` puts every chain into all three subsets, which checks the
machinery and nothing else.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proteinmtp.config.data_ import SplitConfig
from proteinmtp.dataset import assign
from proteinmtp.splitting.accounting import account
from proteinmtp.splitting.assign import SUBSETS, Subsets
from proteinmtp.splitting.errors import SplitError
from proteinmtp.splitting.homology import Homology, clusters, search
from proteinmtp.splitting.leakage import check_groups, check_homologs, clusters_crossing, nearest_in_training
from proteinmtp.tables.schemas import SPLIT
from proteinmtp.tables.parquet import read_all, write_rows
from proteinmtp.base.files import write_json

LEAKY = {
    "members": "Test chains have relatives in training by design: the scores tell how well known folds are recognised.",
    "random": "Test chains are drawn without regard to their relatives in training: a control that shows retrieval, "
    "and no estimate for new proteins.",
    "memorise": "Test chains are training chains: the scores say nothing about other proteins.",
}
"""Methods whose test chains have relatives in training by design, and what that means for the scores."""


@dataclass(frozen=True)
class ChainFacts:
    """What a split may look at: ids, sequence, year (None if unknown) and UniProt accession (None if unknown)."""

    chain_id: str
    entry_id: str
    sequence: str
    year: int | None = None
    uniprot: str | None = None


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
        summary: JSON output: counts, and what of the test can be found in training.

    Raises:
        AccountingError: if chains and quarantine do not add up to what the parser met.
        SplitError: if the table of `split.table` does not fit.
        LeakError: if a cluster (or a UniProt accession) is torn that the method must not tear.
    """
    books = account(chains, quarantine)
    columns = ["chain_id", "entry_id", "sequence", "year", "uniprot"]
    facts = {row["chain_id"]: ChainFacts(**row) for row in read_all(chains, columns)}
    with tempfile.TemporaryDirectory(prefix="mmseqs-") as scratch:
        homology = search({name: chain.sequence for name, chain in facts.items()}, Path(scratch), threads)
        cluster_of = clusters(homology, config.identity, config.coverage)
        subset_of, notes = divide(facts, cluster_of, config, seed)
        _check(facts, homology, subset_of, config)
        leaks = _leaks(homology, cluster_of, subset_of, config)
    write_rows(
        split,
        SPLIT,
        (
            {"chain_id": name, "cluster_id": cluster_of[name], "length": len(chain.sequence)}
            | {subset: subset in subset_of[name] for subset in SUBSETS}
            for name, chain in sorted(facts.items())
        ),
    )
    counts = {subset: sum(subset in held for held in subset_of.values()) for subset in SUBSETS}
    sizes = Counter(cluster_of.values())
    write_json(
        summary,
        books
        | leaks
        | notes
        | {
            "method": config.method,
            "leaky": config.method in LEAKY,
            "leaky_because": LEAKY.get(config.method),
            "clusters": len(sizes),
            "largest_cluster": max(sizes.values(), default=0),
            "distinct_sequences": len(set(homology.number_of.values())),
            "subsets": counts,
            "in_no_subset": sum(not held for held in subset_of.values()),
        },
    )
    logging.info("%s split: %s in %d clusters", config.method, counts, len(sizes))
    for note, count in notes.items():
        if count:
            logging.warning("%s: %d", note.replace("_", " "), count)
    for subset in SUBSETS if facts else ():
        if not counts[subset]:
            logging.warning("no chain is in %s", subset)


def divide(
    facts: Mapping[str, ChainFacts], cluster_of: Mapping[str, str], config: SplitConfig, seed: int
) -> tuple[Subsets, dict[str, int]]:
    """Return the subsets of each chain, and counts of chains that the method could not treat as its name says."""
    match config.method:
        case "cluster":
            return assign.whole_groups(cluster_of, config.val, config.test, seed), {}
        case "uniprot":
            group_of = {name: chain.uniprot or f"cluster {cluster_of[name]}" for name, chain in facts.items()}
            without = sum(not chain.uniprot for chain in facts.values())
            return assign.whole_groups(group_of, config.val, config.test, seed), {"chains_without_uniprot": without}
        case "table":
            return _by_table(facts, config)
        case "year":
            without = sum(chain.year is None for chain in facts.values())
            year_of = {name: chain.year for name, chain in facts.items()}
            return assign.by_year(year_of, config.year), {"chains_without_year": without}
        case "random":
            return assign.at_random(facts, config.val, config.test, seed), {}
        case "members":
            return assign.members_of_each(cluster_of, config.val, config.test, seed), {}
        case "memorise":
            return assign.everywhere(facts), {}


def _by_table(facts: Mapping[str, ChainFacts], config: SplitConfig) -> tuple[Subsets, dict[str, int]]:
    from proteinmtp.splitting.subset_table import read_subset_table

    table = read_subset_table(config.table)
    found = {name: table.find(name, chain.entry_id) for name, chain in facts.items()}
    known = sum(there for there, _ in found.values())
    if facts and not known:
        name, chain = next(iter(facts.items()))
        raise SplitError(
            f"split.table: none of the {len(facts)} chains is in column {config.table.key!r} of {config.table.path}; "
            f"there stands for example {next(iter(table.exact), 'nothing')!r}, while a chain is {name!r} of entry "
            f"{chain.entry_id!r}"
        )
    subset_of = {name: frozenset([subset] if subset else []) for name, (_, subset) in found.items()}
    return subset_of, {"chains_not_in_table": len(facts) - known}


def _check(facts: Mapping[str, ChainFacts], homology: Homology, subset_of: Subsets, config: SplitConfig) -> None:
    if config.method == "cluster":
        check_homologs(homology, subset_of, config.identity, config.coverage)
    if config.method == "uniprot":
        check_groups({name: chain.uniprot or None for name, chain in facts.items()}, subset_of, "UniProt accession")


def _leaks(
    homology: Homology, cluster_of: Mapping[str, str], subset_of: Subsets, config: SplitConfig
) -> dict[str, Any]:
    nearest = nearest_in_training(homology, subset_of, config.coverage)
    return {
        "clusters_crossing": clusters_crossing(cluster_of, subset_of),
        "highest_test_train_identity": nearest.highest,
        "highest_test_train_pair": nearest.pair,
        "highest_test_train_identity_any_coverage": nearest_in_training(homology, subset_of, 0.0).highest,
        "test_chains_with_training_hit": nearest.with_hit,
        "test_chains_above": {f"{level:.0%}": count for level, count in nearest.above.items()},
    }
