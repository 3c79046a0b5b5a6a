"""What must hold for every row of a chains table, checked before it is written.

The rules are a dataframely schema over scalars: what concerns whole arrays is first brought down to a few numbers with
numpy, which is much faster than rules on list columns. A few dozen rows at a time keep the cost small and the memory
bounded.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dataframely as dy
import numpy as np
import polars as pl

FARTHEST = 1e4
"""Angstrom; no coordinate is farther from the origin along an axis."""

FOREIGN = re.compile("[^ACDEFGHIKLMNPQRSTVWYX]")

Row = Mapping[str, Any]


class ChainRow(dy.Schema):
    """One chain, arrays brought down to scalars; see `_facts`."""

    number = dy.Int64()
    chain_id = dy.String(min_length=1)
    copy = dy.Bool()
    foreign = dy.String(max_length=0)
    length = dy.Int64(min=1)
    letters = dy.Int64()
    points = dy.Int64()
    flags = dy.Int64()
    mismatches = dy.Int64(max=0)
    farthest = dy.Float64(max=FARTHEST)
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


def validate_chains(rows: Sequence[Row], seen: Collection[str] = ()) -> tuple[list[Row], list[tuple[Row, str]]]:
    """Divide rows of a chains table into good and bad ones.

    Parameters:
        rows: as `open_table` takes them: `coords` (L, 3) in angstrom with NaN where not observed, `observed` (L,) bool.
        seen: chain ids of the rows of the shard that came before; the caller adds those of the good rows.

    Returns:
        The good rows in their order, and each bad row with a sentence that names the first rule that it breaks.
    """
    if not rows:
        return [], []
    known = set(seen)
    facts = []
    for number, row in enumerate(rows):
        facts.append(_facts(row) | {"number": number, "copy": row["chain_id"] in known})
        known.add(row["chain_id"])
    checked = pl.DataFrame(facts, schema=pl.Schema(ChainRow))
    failed = ChainRow.filter(checked)[1].details()
    bad = {row["number"]: _reason(facts[row["number"]], row) for row in failed.to_dicts()}
    good = [row for number, row in enumerate(rows) if number not in bad]
    return good, [(rows[number], reason) for number, reason in sorted(bad.items())]


def _facts(row: Row) -> dict[str, Any]:
    coords = np.asarray(row["coords"], dtype=np.float32)
    observed = np.asarray(row["observed"], dtype=bool)
    # Three contiguous rows: a reduction over an axis of length three costs several times more.
    across = np.isfinite(coords.T) if coords.ndim == 2 and coords.shape[1] == 3 else np.empty((3, 0), dtype=bool)
    finite = across[0] & across[1] & across[2]
    farthest = np.fmax.reduce(np.abs(coords), axis=None, initial=0.0)
    same = len(finite) == len(observed)
    sequence = row["sequence"] or ""
    return {
        "chain_id": row["chain_id"],
        "foreign": "".join(sorted(set(FOREIGN.findall(sequence)))),
        "length": row["length"],
        "letters": len(sequence),
        "points": finite.size,
        "flags": observed.size,
        "mismatches": int((finite != observed).sum()) if same else 0,
        "farthest": float(farthest),
        "resolution": row["resolution"],
        "year": row["year"],
        "copies": row["copies"],
        "breaks": row["breaks"],
    }


def _reason(facts: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """Return the sentence of the first rule in the order of `REASONS` that a row breaks."""
    broken = {rule.partition("|")[0] for rule, verdict in details.items() if verdict == "invalid"}
    rule = next((rule for rule in REASONS if rule in broken), None)
    if rule is None:
        return f"invalid row: breaks {', '.join(sorted(broken))}"
    return f"invalid row: {REASONS[rule].format_map(facts)}"
