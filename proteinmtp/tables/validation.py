"""What must hold for every row of a chains table, checked before it is written.

The rules are a dataframely schema over scalars: what concerns whole arrays is first brought down to a few numbers with
numpy, which is much faster than rules on list columns. A few dozen rows at a time keep the cost small and the memory
bounded.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

import dataframely as dy
import numpy as np
import polars as pl

from proteinmtp.geometry.constants import FARTHEST_IN_CHAIN
from proteinmtp.tables.chains import ChainRow

FOREIGN = re.compile("[^ACDEFGHIKLMNPQRSTVWYX]")


class ChainRules(dy.Schema):
    """The rules for one chain, its arrays brought down to scalars; see `_Facts`."""

    number = dy.Int64()
    chain_id = dy.String(min_length=1)
    copy = dy.Bool()
    foreign = dy.String(max_length=0)
    length = dy.Int64(min=1)
    letters = dy.Int64()
    points = dy.Int64()
    flags = dy.Int64()
    mismatches = dy.Int64(max=0)
    farthest = dy.Float64(max=FARTHEST_IN_CHAIN)
    resolution = dy.Float64(nullable=True, min_exclusive=0.0, allow_inf=False, allow_nan=False)
    year = dy.Int64(nullable=True, min=1950, max=2100)
    copies = dy.Int64(nullable=True, min=1)
    breaks = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def unique(cls) -> pl.Expr:  # noqa: N805
        """No row has the id of one before."""
        return ~cls.copy.col

    @dy.rule()
    def same_length(cls) -> pl.Expr:  # noqa: N805
        """Sequence, coordinates and flags have one value for each residue."""
        return (
            (cls.letters.col == cls.length.col) & (cls.points.col == cls.length.col) & (cls.flags.col == cls.length.col)
        )


REASONS = {
    "chain_id": "the chain has no id",
    "unique": "chain id {chain_id!r} stands in this shard already",
    "foreign": "the sequence has {foreign!r}, which is neither one of the 20 amino acids nor X",
    "length": "the length is {length}, not a positive number",
    "same_length": "length {length}, but {letters} letters, {points} coordinates and {flags} observed flags",
    "mismatches": "{mismatches} residues are observed without finite coordinates, or have some without being observed",
    "farthest": "a coordinate is {farthest:.3g} angstrom from the origin, more than any structure has",
    "resolution": "the resolution is {resolution} angstrom, not a positive number",
    "year": "the year is {year}, not between 1950 and 2100",
    "copies": "the number of copies is {copies}, less than 1",
    "breaks": "the number of chain breaks is {breaks}, less than 0",
}
"""What a broken rule means, by the name of the rule or of the column that has it."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What `ChainRules` look at.

    Attributes:
        number: of the row among those that are checked together.
        chain_id, length, resolution, year, copies, breaks: as in the row.
        copy: whether a row before has the same chain id.
        foreign: letters of the sequence that stand for no amino acid.
        letters, points, flags: sizes of the sequence, the coordinates and the observed flags.
        mismatches: residues that are observed without finite coordinates, or have some without being observed.
        farthest: angstrom, of the coordinate farthest from the origin along an axis.
    """

    number: int
    chain_id: str
    copy: bool
    foreign: str
    length: int
    letters: int
    points: int
    flags: int
    mismatches: int
    farthest: float
    resolution: float | None
    year: int | None
    copies: int | None
    breaks: int | None


def validate_chains(
    rows: Sequence[ChainRow], seen: Collection[str] = ()
) -> tuple[list[ChainRow], list[tuple[ChainRow, str]]]:
    """Divide rows of a chains table into good and bad ones.

    Parameters:
        rows: some rows of a shard.
        seen: chain ids of the earlier rows of the shard; the caller adds those of the good rows.

    Returns:
        The good rows in their order, and each bad row with a sentence that names the first rule that it breaks.
    """
    if not rows:
        return [], []
    known = set(seen)
    facts = []
    for number, row in enumerate(rows):
        facts.append(_facts(number, row, row.chain_id in known))
        known.add(row.chain_id)
    checked = pl.DataFrame(facts, schema=pl.Schema(ChainRules), orient="row")
    failed = ChainRules.filter(checked)[1].details()
    bad = {row["number"]: _reason(facts[row["number"]], row) for row in failed.to_dicts()}
    good = [row for number, row in enumerate(rows) if number not in bad]
    return good, [(rows[number], reason) for number, reason in sorted(bad.items())]


def _facts(number: int, row: ChainRow, copy: bool) -> _Facts:
    coords = np.asarray(row.coords, dtype=np.float32)
    observed = np.asarray(row.observed, dtype=bool)
    # Three contiguous rows: a reduction over an axis of length three costs several times more.
    across = np.isfinite(coords.T) if coords.ndim == 2 and coords.shape[1] == 3 else np.empty((3, 0), dtype=bool)
    finite = across[0] & across[1] & across[2]
    farthest = np.fmax.reduce(np.abs(coords), axis=None, initial=0.0)
    same = len(finite) == len(observed)
    sequence = row.sequence or ""
    return _Facts(
        number=number,
        chain_id=row.chain_id,
        copy=copy,
        foreign="".join(sorted(set(FOREIGN.findall(sequence)))),
        length=row.length,
        letters=len(sequence),
        points=finite.size,
        flags=observed.size,
        mismatches=int((finite != observed).sum()) if same else 0,
        farthest=float(farthest),
        resolution=row.resolution,
        year=row.year,
        copies=row.copies,
        breaks=row.breaks,
    )


def _reason(facts: _Facts, details: Mapping[str, object]) -> str:
    """Return the sentence of the first rule in the order of `REASONS` that a row breaks.

    Parameters:
        facts: of the row.
        details: the verdict of dataframely on each rule.
    """
    broken = {rule.partition("|")[0] for rule, verdict in details.items() if verdict == "invalid"}
    rule = next((rule for rule in REASONS if rule in broken), None)
    if rule is None:
        return f"invalid row: breaks {', '.join(sorted(broken))}"
    return f"invalid row: {REASONS[rule].format_map(asdict(facts))}"
