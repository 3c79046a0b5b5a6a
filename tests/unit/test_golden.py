"""What each file of the messy collection gives, against a golden table and against Biopython.

`tests/golden/messy.tsv` is written by `python -m tests.unit.test_golden`; read the difference before you commit it.
"""

import csv
import os
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from proteinmtp.config import ParseConfig
from proteinmtp.structures.parse import ParsedChain, parse_file

from ..support.independent import biopython_traces

GOLDEN = Path(__file__).parent.parent / "golden"
LIMITS = ParseConfig(min_length=4, max_length=100_000, min_observed=0, max_unknown=1, max_bond_outliers=1, copies="all")
COLUMNS = ["file", "chain", "outcome", "length", "observed", "breaks", "repairs", "sequence"]


def rows_of(root: Path) -> list[dict[str, str]]:
    rows = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        parsed = parse_file(path, LIMITS)
        for item in parsed.items:
            row = dict.fromkeys(COLUMNS, "")
            row |= {"file": path.relative_to(root).as_posix(), "repairs": ",".join(parsed.repairs)}
            if isinstance(item, ParsedChain):
                ends = item.sequence if len(item.sequence) <= 24 else f"{item.sequence[:12]}...{item.sequence[-8:]}"
                row |= {"chain": repr(item.name), "outcome": "chain", "length": str(len(item.sequence))}
                row |= {"observed": str(item.observed.sum()), "breaks": str(item.breaks), "sequence": ends}
            else:
                row |= {"chain": "" if item.chain is None else repr(item.chain), "outcome": item.code}
            rows.append(row)
    return rows


def read_table(name: str) -> list[dict[str, str]]:
    with (GOLDEN / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_every_messy_file_gives_what_the_golden_table_says(shared: Path):
    parsed, expected = rows_of(shared / "messy"), read_table("messy.tsv")
    assert {row["file"] for row in parsed} == {row["file"] for row in expected}
    for one, other in zip(parsed, expected, strict=True):
        assert one == other


def test_biopython_reads_the_same_traces_where_it_can(shared: Path):
    """Same observed residues, positions within 0.001 angstrom; each difference is in a table with its explanation."""
    explained = {(row["file"], row["chain"]): row["explanation"] for row in read_table("biopython.tsv")}
    differing = set()
    compared = 0
    for path in sorted(path for path in (shared / "messy").rglob("*") if path.is_file()):
        name = path.relative_to(shared / "messy").as_posix()
        theirs = biopython_traces(path)
        if theirs is None:
            continue
        ours: dict[str, tuple[str, list[np.ndarray]]] = defaultdict(lambda: ("", []))
        items = parse_file(path, LIMITS).items
        refused = {item.chain for item in items if not isinstance(item, ParsedChain)}
        for item in items:
            if isinstance(item, ParsedChain):
                chain = item.name if item.name in theirs else re.sub(r"\.\d+$", "", item.name)
                letters, positions = ours[chain]
                seen = "".join(letter for letter, here in zip(item.sequence, item.observed, strict=True) if here)
                ours[chain] = (letters + seen, positions + list(item.coords[item.observed]))
        for chain, (letters, positions) in theirs.items():
            if chain in refused or (chain not in ours and len(letters) < LIMITS.min_length):
                continue
            compared += 1
            mine = ours.get(chain, ("", []))
            same = mine[0] == letters and np.abs(np.array(mine[1]).reshape(-1, 3) - positions).max(initial=0) <= 1e-3
            if not same:
                differing.add((name, chain))
        assert set(ours) <= set(theirs), name
    assert compared > 150
    assert differing == set(explained)
    assert all(explained.values())


if __name__ == "__main__":
    root = Path(os.environ.get("PROTEINMTP_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "messy"
    with (GOLDEN / "messy.tsv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows_of(root))
