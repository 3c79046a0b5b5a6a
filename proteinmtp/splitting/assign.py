"""Assignment of chains to train, val and test: pure functions of names, groups and a seed.

Whatever is drawn is drawn in the order of a hash of its name and the seed, so that a new chain moves few others.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from proteinmtp.base.files import text_sha256
from proteinmtp.config import YearSplit
from proteinmtp.tables.split import SUBSETS

Subsets = dict[str, frozenset[str]]
"""The subsets of each chain; empty for a chain that is in none."""


def whole_groups(group_of: Mapping[str, str], *, val: float, test: float, seed: int) -> Subsets:
    """Hold out whole groups.

    A held-out subset is filled until it has its fraction of the chains; a group that would overfill it stays in
    training. The test subset gets one group if there are two, however large.

    Parameters:
        group_of: for each chain its group, such as a cluster or a UniProt accession.
        val, test: fractions of the chains.
        seed: of the draw.
    """
    members = _members(group_of, seed)
    groups = sorted(members, key=lambda group: _order(group, seed))
    room = {"test": round(test * len(group_of)), "val": round(val * len(group_of))}
    if len(groups) > 1:
        room["test"] = max(room["test"], min(len(names) for names in members.values()))
    subset_of: Subsets = {}
    for group in groups:
        size = len(members[group])
        subset = next((subset for subset in ("test", "val") if size <= room[subset]), "train")
        if subset != "train":
            room[subset] -= size
        subset_of.update(dict.fromkeys(members[group], frozenset([subset])))
    return subset_of


def members_of_each(group_of: Mapping[str, str], *, val: float, test: float, seed: int) -> Subsets:
    """Hold out the same fraction of each group; parameters as in `whole_groups`."""
    subset_of: Subsets = {}
    for names in _members(group_of, seed).values():
        held_test, held_val = round(test * len(names)), round(val * len(names))
        for position, name in enumerate(names):
            subset = "test" if position < held_test else "val" if position < held_test + held_val else "train"
            subset_of[name] = frozenset([subset])
    return subset_of


def at_random(names: Collection[str], *, val: float, test: float, seed: int) -> Subsets:
    """Draw chains without regard to their relatives, so that the test leaks into training."""
    return members_of_each(dict.fromkeys(names, ""), val=val, test=test, seed=seed)


def by_year(year_of: Mapping[str, int | None], years: YearSplit) -> Subsets:
    """Hold out what came later; a chain without a year is in no subset."""

    def subset(year: int) -> str:
        if years.test_from is not None and year >= years.test_from:
            return "test"
        return "val" if years.val_from is not None and year >= years.val_from else "train"

    return {name: frozenset() if year is None else frozenset([subset(year)]) for name, year in year_of.items()}


def everywhere(names: Collection[str]) -> Subsets:
    """Put every chain into all subsets."""
    return dict.fromkeys(names, frozenset(SUBSETS))


def _members(group_of: Mapping[str, str], seed: int) -> dict[str, list[str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(group_of, key=lambda name: _order(name, seed)):
        members[group_of[name]].append(name)
    return members


def _order(name: str, seed: int) -> str:
    return text_sha256(str(seed), name)
