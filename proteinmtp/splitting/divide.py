"""Which chains are for training, for validation and for the test.

`cluster` holds out whole homology clusters, so that a test chain has no relative in training; `uniprot` holds out whole
UniProt accessions. `table` follows somebody else's table and `year` the calendar. `members` holds out members of
every cluster: the folds are known and the question is whether the model recognises them. `random` draws chains without
regard to relatives, as a control that leaks. `memorise` puts every chain into all three subsets, which checks the
machinery and nothing else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proteinmtp.config import SplitConfig
from proteinmtp.splitting import assign
from proteinmtp.splitting.assign import Subsets
from proteinmtp.splitting.chains import SplitChain
from proteinmtp.splitting.homology import Homology, clusters
from proteinmtp.splitting.leakage import Nearest, check_groups, check_homologs, clusters_crossing, nearest_in_training
from proteinmtp.tables.split import SUBSETS, SplitRow
from proteinmtp.tables.split_summary import Books, SplitSummary
from proteinmtp.tables.subset_table import SubsetTable, SubsetTableError

LEAKY = {
    "members": "Test chains have relatives in training by design: the scores tell how well known folds are recognised.",
    "random": "Test chains are drawn without regard to their relatives in training: a control that shows retrieval, "
    "and no estimate for new proteins.",
    "memorise": "Test chains are training chains: the scores say nothing about other proteins.",
}
"""Methods whose test chains have relatives in training by design, and what that means for the scores."""


@dataclass(frozen=True)
class Assigned:
    """The subsets of each chain, and counts of chains that the method could not treat, such as those without a year."""

    subset_of: Subsets
    notes: Mapping[str, int]


@dataclass(frozen=True)
class Division:
    """A finished split: for each chain its cluster and its subsets, and for the test what is nearest in training."""

    chains: Sequence[SplitChain]
    homology: Homology
    cluster_of: Mapping[str, str]
    assigned: Assigned
    nearest: Nearest

    def rows(self) -> list[SplitRow]:
        """Return the rows of the table, in the order of the chain ids."""
        return [
            SplitRow(
                chain_id=chain.chain_id,
                cluster_id=self.cluster_of[chain.chain_id],
                length=len(chain.sequence),
                train="train" in self.assigned.subset_of[chain.chain_id],
                val="val" in self.assigned.subset_of[chain.chain_id],
                test="test" in self.assigned.subset_of[chain.chain_id],
            )
            for chain in sorted(self.chains, key=lambda chain: chain.chain_id)
        ]

    def summary(self, books: Books, config: SplitConfig) -> SplitSummary:
        """Return counts of chains, and how close the test chains are to those of training.

        Parameters:
            books: files and chains that were read, used and refused; they are part of the summary.
            config: that of `divide`.
        """
        subset_of = self.assigned.subset_of
        sizes = Counter(self.cluster_of.values())
        return SplitSummary(
            **books.model_dump(),
            method=config.method,
            leaky=config.method in LEAKY,
            leaky_because=LEAKY.get(config.method),
            notes=dict(self.assigned.notes),
            clusters=len(sizes),
            largest_cluster=max(sizes.values(), default=0),
            distinct_sequences=len(set(self.homology.number_of.values())),
            subsets={subset: sum(subset in held for held in subset_of.values()) for subset in SUBSETS},
            in_no_subset=sum(not held for held in subset_of.values()),
            clusters_crossing=clusters_crossing(self.cluster_of, subset_of),
            highest_test_train_identity=self.nearest.highest,
            highest_test_train_pair=self.nearest.pair,
            highest_test_train_identity_any_coverage=nearest_in_training(self.homology, subset_of, 0.0).highest,
            test_chains_with_training_hit=self.nearest.with_hit,
            test_chains_above={f"{level:.0%}": count for level, count in self.nearest.above.items()},
        )


def divide(
    chains: Sequence[SplitChain],
    homology: Homology,
    config: SplitConfig,
    *,
    seed: int,
    table: SubsetTable | None = None,
) -> Division:
    """Divide chains by the method of the config, and check that it tears no group that it must not tear.

    Parameters:
        chains: all of them, each id once.
        homology: of their sequences.
        config: method and thresholds.
        seed: decides which clusters or members are held out.
        table: subsets that somebody else gave, for the method `table`.

    Raises:
        SubsetTableError: if the table knows none of the chains.
        LeakError: if a cluster (or a UniProt accession) is torn that the method must not tear.
    """
    cluster_of = clusters(homology, identity=config.identity, coverage=config.coverage)
    assigned = assign_chains(chains, cluster_of, config, seed=seed, table=table)
    if config.method == "cluster":
        check_homologs(homology, assigned.subset_of, identity=config.identity, coverage=config.coverage)
    if config.method == "uniprot":
        accession_of = {chain.chain_id: chain.uniprot or None for chain in chains}
        check_groups(accession_of, assigned.subset_of, "UniProt accession")
    nearest = nearest_in_training(homology, assigned.subset_of, config.coverage)
    return Division(chains, homology, cluster_of, assigned, nearest)


def assign_chains(
    chains: Sequence[SplitChain],
    cluster_of: Mapping[str, str],
    config: SplitConfig,
    *,
    seed: int,
    table: SubsetTable | None = None,
) -> Assigned:
    """Return the subsets of each chain; parameters and errors as for `divide`."""
    names = [chain.chain_id for chain in chains]
    val, test = config.val, config.test
    match config.method:
        case "cluster":
            return Assigned(assign.whole_groups(cluster_of, val=val, test=test, seed=seed), {})
        case "uniprot":
            group_of = {chain.chain_id: chain.uniprot or f"cluster {cluster_of[chain.chain_id]}" for chain in chains}
            without = sum(not chain.uniprot for chain in chains)
            return Assigned(
                assign.whole_groups(group_of, val=val, test=test, seed=seed), {"chains_without_uniprot": without}
            )
        case "table":
            if table is None:
                raise ValueError("the method table needs a table")
            return _by_table(chains, table)
        case "year":
            without = sum(chain.year is None for chain in chains)
            year_of = {chain.chain_id: chain.year for chain in chains}
            return Assigned(assign.by_year(year_of, config.year), {"chains_without_year": without})
        case "random":
            return Assigned(assign.at_random(names, val=val, test=test, seed=seed), {})
        case "members":
            return Assigned(assign.members_of_each(cluster_of, val=val, test=test, seed=seed), {})
        case "memorise":
            return Assigned(assign.everywhere(names), {})


def _by_table(chains: Sequence[SplitChain], table: SubsetTable) -> Assigned:
    subset_of: Subsets = {}
    known = 0
    for chain in chains:
        listed, subset = table.find(chain.chain_id, chain.entry_id)
        known += listed
        subset_of[chain.chain_id] = frozenset([subset] if subset else [])
    if chains and not known:
        raise SubsetTableError(
            f"split.table: none of the {len(chains)} chains is in {table.origin}; there stands for example "
            f"{next(iter(table.exact), 'nothing')!r}, while a chain is {chains[0].chain_id!r} of entry "
            f"{chains[0].entry_id!r}"
        )
    return Assigned(subset_of, {"chains_not_in_table": len(chains) - known})
