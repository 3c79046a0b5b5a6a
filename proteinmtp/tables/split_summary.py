"""The summary of a split: the books of files and chains, the subsets, and what of the test is in training too."""

from proteinmtp.tables.record import Record


class Books(Record):
    """Numbers of files and chains that were read, used and refused.

    Attributes:
        files_in, files_refused: files of the source, and those of which nothing could be used.
        chains_in, chains_parsed, chains_refused: polymers of the files.
        repaired: files by the name of the harmless defect that was repaired in them.
    """

    files_in: int
    files_refused: int
    chains_in: int
    chains_parsed: int
    chains_refused: int
    repaired: dict[str, int]


class SplitSummary(Books):
    """The books, and what the split made of the chains.

    Attributes:
        method: of the split.
        leaky, leaky_because: whether test chains have relatives in training by design, and what that means.
        notes: counts of chains that the method could not treat, by the reason, such as `chains_without_year`.
        clusters, largest_cluster: number of homology clusters, and chains of the largest.
        distinct_sequences: number of different sequences.
        subsets: chains in each subset.
        in_no_subset: chains in none.
        clusters_crossing: clusters with chains in more than one subset.
        highest_test_train_identity, highest_test_train_pair: of the closest pair, 0..1, and its chains.
        highest_test_train_identity_any_coverage: of alignments of any length.
        test_chains_with_training_hit: test chains with any hit in training.
        test_chains_above: the same above each of some identities, such as `50%`.
    """

    method: str
    leaky: bool
    leaky_because: str | None
    notes: dict[str, int]
    clusters: int
    largest_cluster: int
    distinct_sequences: int
    subsets: dict[str, int]
    in_no_subset: int
    clusters_crossing: int
    highest_test_train_identity: float
    highest_test_train_pair: tuple[str, str] | None
    highest_test_train_identity_any_coverage: float
    test_chains_with_training_hit: int
    test_chains_above: dict[str, int]
