"""What of the training set can be found again in the test set: checks and measures of a finished split.

Nothing here knows how the split was made. The questions go to the hits and to the groups themselves, so that a mistake
in the assignment cannot hide.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from proteinmtp.splitting.assign import Subsets
from proteinmtp.splitting.homology import Homology
from proteinmtp.tables.relatives import RelativeRow
from proteinmtp.tables.split import SUBSETS

LEVELS = (0.3, 0.5, 0.9)
"""Identities above which the test chains with such a relative in training are counted."""


class LeakError(RuntimeError):
    """Chains that belong together were assigned to different subsets."""


@dataclass(frozen=True)
class Nearest:
    """The relatives of the test chains in training.

    Attributes:
        relatives: the nearest training chain of each test chain that has any, in the order of the test chains.
        highest: identity (0-1) of the closest pair; 0 if there is no hit.
        pair: a test chain and a training chain with that identity, or None.
        with_hit: test chains with any hit in training.
        above: for each of `LEVELS` the test chains with a hit of more than that identity.
    """

    relatives: Sequence[RelativeRow]
    highest: float
    pair: tuple[str, str] | None
    with_hit: int
    above: Mapping[float, int]


def nearest_in_training(homology: Homology, subset_of: Subsets, coverage: float) -> Nearest:
    """Look in training for the closest relative of each test chain.

    An alignment counts if it covers `coverage` of the shorter chain, which is also what joins clusters. Without such a
    bound the answer would be the same for every split: some twelve residues that agree by chance. A coverage of 0 asks
    for it nevertheless.

    Of training chains with the same identity one with the same sequence is the nearest, and a chain that is itself in
    training is its own nearest.

    Parameters:
        homology: hits between distinct sequences; chains with the same sequence have identity 1.
        subset_of: of each chain.
        coverage: fraction of the shorter chain that an alignment must cover.
    """
    test, train = (_first_chains(homology, subset_of, subset) for subset in ("test", "train"))
    hits = homology.homologs(identity=0.0, coverage=coverage).select("query", "target", "identity")
    turned = hits.select(pl.col("target").alias("query"), pl.col("query").alias("target"), "identity")
    same = pl.LazyFrame({"query": sorted(test.keys() & train.keys())}, schema={"query": pl.UInt32})
    same = same.select("query", pl.col("query").alias("target"), pl.lit(1.0).alias("identity"))
    best = (
        pl.concat([hits, turned, same])
        .join(_numbers(test, "query"), on="query", how="semi")
        .join(_numbers(train, "target"), on="target", how="semi")
        .group_by("query")
        .agg(pl.all().sort_by(-pl.col("identity"), pl.col("target") != pl.col("query"), "target").first())
        .sort(-pl.col("identity"), "query")
        .collect(engine="streaming")
    )
    nearest_of = {query: (target, identity) for query, target, identity in best.iter_rows()}
    relatives = []
    for name in sorted(subset_of):
        number = homology.number_of[name]
        if "test" in subset_of[name] and number in nearest_of:
            target, identity = nearest_of[number]
            nearest = name if "train" in subset_of[name] else train[target]
            relatives.append(RelativeRow(chain_id=name, nearest=nearest, identity=identity))
    return Nearest(
        relatives=relatives,
        highest=max((row.identity for row in relatives), default=0.0),
        pair=(test[best["query"][0]], train[best["target"][0]]) if len(best) else None,
        with_hit=len(relatives),
        above={level: sum(row.identity > level for row in relatives) for level in LEVELS},
    )


def check_homologs(homology: Homology, subset_of: Subsets, *, identity: float, coverage: float) -> None:
    """Check that no two chains above both thresholds are in different subsets.

    Raises:
        LeakError: naming two such chains.
    """
    first: dict[int, str] = {}
    for name in sorted(homology.number_of):
        other = first.setdefault(homology.number_of[name], name)
        if subset_of[name] != subset_of[other]:
            raise LeakError(_crossing(other, name, subset_of, "have the same sequence"))
    codes: dict[frozenset[str], int] = {}
    code = {number: codes.setdefault(subset_of[name], len(codes)) for number, name in first.items()}
    table = pl.LazyFrame(
        {"number": list(code), "code": list(code.values())}, schema={"number": pl.UInt32, "code": pl.UInt32}
    )
    torn = (
        homology.homologs(identity=identity, coverage=coverage)
        .join(table, left_on="query", right_on="number")
        .join(table, left_on="target", right_on="number", suffix="_target")
        .filter(pl.col("code") != pl.col("code_target"))
        .select(pl.col("query", "target", "identity").sort_by("query", "target").first())
        .collect(engine="streaming")
    )
    if len(torn) and torn["query"][0] is not None:
        one, other = first[torn["query"][0]], first[torn["target"][0]]
        raise LeakError(_crossing(one, other, subset_of, f"are {torn['identity'][0]:.0%} identical"))


def check_groups(group_of: Mapping[str, str | None], subset_of: Subsets, what: str) -> None:
    """Check that no group has chains in different subsets; chains whose group is None are not looked at.

    Raises:
        LeakError: naming two such chains.
    """
    first: dict[str, str] = {}
    for name, group in sorted(group_of.items()):
        if group is not None:
            other = first.setdefault(group, name)
            if subset_of[name] != subset_of[other]:
                raise LeakError(_crossing(other, name, subset_of, f"have the same {what} {group}"))


def clusters_crossing(cluster_of: Mapping[str, str], subset_of: Subsets) -> int:
    """Return the number of clusters with chains in more than one subset; chains in no subset do not count."""
    met: dict[str, set[str]] = defaultdict(set)
    for name, cluster in cluster_of.items():
        met[cluster] |= subset_of[name]
    return sum(len(subsets) > 1 for subsets in met.values())


def _first_chains(homology: Homology, subset_of: Subsets, subset: str) -> dict[int, str]:
    """Return the sequence numbers that occur in a subset, each with the first chain of the subset that has it."""
    first: dict[int, str] = {}
    for name in sorted(subset_of):
        if subset in subset_of[name]:
            first.setdefault(homology.number_of[name], name)
    return first


def _numbers(chains: Mapping[int, str], column: str) -> pl.LazyFrame:
    return pl.LazyFrame({column: list(chains)}, schema={column: pl.UInt32})


def _crossing(one: str, other: str, subset_of: Subsets, why: str) -> str:
    places = [
        " and ".join(subset for subset in SUBSETS if subset in subset_of[name]) or "none" for name in (one, other)
    ]
    return f"the split leaks: {one} ({places[0]}) and {other} ({places[1]}) {why}; this is a mistake of the program"
