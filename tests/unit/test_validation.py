from typing import Any

import numpy as np
import pytest

from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.validation import validate_chains


def row(**changes: Any) -> ChainRow:
    coords = np.random.default_rng(0).normal(0, 20, (40, 3)).astype(np.float32)
    coords[:3] = np.nan
    values = {
        "chain_id": "1abc_A", "entry_id": "1abc", "chain": "A", "sequence": "ACDEFGHIKLMNPQRSTVWX" * 2, "length": 40,
        "coords": coords, "observed": np.isfinite(coords).all(1), "resolution": 1.9, "method": None, "year": 2004,
        "affinity": None, "uniprot": None, "copies": 1, "breaks": 0, "source_sha256": "",
    }  # fmt: skip
    return ChainRow(**(values | changes))


def with_coords(position: int, axis: int, value: float) -> np.ndarray:
    coords = row().coords
    coords[position, axis] = value
    return coords


BREAKS = {
    "no id": ({"chain_id": ""}, "the chain has no id"),
    "null id": ({"chain_id": None}, "the chain has no id"),
    "foreign letters": ({"sequence": "ACDBFGHIJLMNPQRSTVWX" * 2}, "has 'BJ', which is neither"),
    "small letters": ({"sequence": "acDEFGHIKLMNPQRSTVWX" * 2}, "has 'ac'"),
    "no length": ({"length": None}, "the length is None"),
    "length of nothing": (
        {"length": 0, "sequence": "", "coords": np.empty((0, 3)), "observed": np.empty(0, bool)},
        "the length is 0",
    ),
    "wrong length": ({"length": 39}, "length 39, but 40 letters, 40 coordinates and 40 observed flags"),
    "short sequence": ({"sequence": "ACDE"}, "length 40, but 4 letters"),
    "short coordinates": ({"coords": row().coords[1:]}, "39 coordinates and 40 observed"),
    "flat coordinates": ({"coords": row().coords.ravel()}, "0 coordinates"),
    "short flags": ({"observed": row().observed[1:]}, "40 coordinates and 39 observed flags"),
    "observed without coordinates": ({"observed": np.ones(40, bool)}, "3 residues are observed without"),
    "coordinates unobserved": ({"observed": np.arange(40) > 3}, "1 residues are observed without"),
    "half a coordinate": ({"coords": with_coords(20, 1, np.nan)}, "1 residues are observed without"),
    "infinite coordinate": ({"coords": with_coords(20, 1, np.inf)}, "1 residues are observed without"),
    "far away": ({"coords": with_coords(20, 2, -10001)}, "1e+04 angstrom from the origin"),
    "resolution of nothing": ({"resolution": 0.0}, "the resolution is 0.0 angstrom"),
    "negative resolution": ({"resolution": -1.0}, "the resolution is -1.0 angstrom"),
    "resolution that is no number": ({"resolution": float("nan")}, "the resolution is nan angstrom"),
    "early year": ({"year": 1949}, "the year is 1949"),
    "late year": ({"year": 2101}, "the year is 2101"),
    "no copy": ({"copies": 0}, "the number of copies is 0"),
    "negative breaks": ({"breaks": -1}, "the number of chain breaks is -1"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_row_that_breaks_a_rule_is_told_apart_with_the_rule(name: str):
    change, reason = BREAKS[name]
    before, broken, after = row(chain_id="a"), row(**change), row(chain_id="b")
    good, bad = validate_chains([before, broken, after])
    assert good == [before, after]
    assert [item for item, _ in bad] == [broken]
    assert reason in bad[0][1] and bad[0][1].startswith("invalid row: ")


@pytest.mark.parametrize("change", [{}, {"resolution": None, "year": None}, {"year": 1950}, {"year": 2100}])
def test_a_sound_row_passes(change: dict[str, Any]):
    sound = row(**change)
    assert validate_chains([sound]) == ([sound], [])


def test_an_id_may_stand_once_in_a_shard():
    twice = [row(chain_id="a"), row(chain_id="b"), row(chain_id="a")]
    good, bad = validate_chains(twice)
    assert good == twice[:2] and bad[0][0] is twice[2] and "'a' stands in this shard already" in bad[0][1]
    good, bad = validate_chains(twice[:2], {"b"})
    assert good == twice[:1] and bad[0][0] is twice[1]


def test_nothing_is_valid():
    assert validate_chains([]) == ([], [])


def test_the_demo_is_valid(small):
    rows = list(CHAINS.read(*small.chains))
    assert len(rows) == 24
    good, bad = validate_chains(rows)
    assert good == rows and bad == []
