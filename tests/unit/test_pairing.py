import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from proteinmtp.geometry.constants import LONGEST_BOND
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lddt import lddt
from proteinmtp.geometry.superposition import superpose
from proteinmtp.structures.pairing import PAIRINGS, Pairing, PairingError, align, pair, place_chain
from proteinmtp.structures.polymers import Polymer
from proteinmtp.structures.protein_chains import StructureError, read_protein_chains

from ..support.traces import polymer, random_trace, write_trace

PUBLISHED_PAIRING_IS_WRONG = {"7w06_A", "7wa9_A", "7zgi_B", "8dgg_A", "7uqv_D", "7s03_A"}
"""Natives whose published RMSD rests on a pairing by letters alone that bonds and letters contradict."""


def published(shared: Path) -> list[dict[str, str]]:
    with (shared / "scored" / "scores.csv").open(encoding="utf-8") as handle:
        return [row | {"name": Path(row["native"]).name.split(".")[0]} for row in csv.DictReader(handle)]


def first_places(letters: str, full: str) -> np.ndarray:
    """Return for each letter the first place after that of the letter before: how the published lDDT was paired."""
    places: list[int] = []
    for letter in letters:
        places.append(full.index(letter, places[-1] + 1 if places else 0))
    return np.array(places)


def faults(chain: Polymer, places: np.ndarray, full: str) -> int:
    """Return how many letters are others than their places say, and how many neighbours are so wrongly."""
    letters = sum(one != full[place] for one, place in zip(chain.letters, places.tolist(), strict=True))
    return letters + int(((np.diff(places) == 1) != (chain.steps <= LONGEST_BOND)).sum())


def rmsd(model: np.ndarray, native: np.ndarray) -> float:
    """RMSD of the rows that both have."""
    seen = np.isfinite(native).all(1) & np.isfinite(model).all(1)
    one, other = torch.from_numpy(model[seen]), torch.from_numpy(native[seen])
    return float((superpose(one, other) - other).square().sum(-1).mean().sqrt())


def local(model: np.ndarray, native: np.ndarray) -> float:
    return lddt(pairwise_distances(torch.from_numpy(model)), pairwise_distances(torch.from_numpy(native)))


@pytest.mark.parametrize("stated", [True, False], ids=["seqres", "no seqres"])
def test_published_rmsd_is_met_with_the_pairing_of_the_publishers(shared: Path, stated: bool):
    rows = published(shared)
    for row in rows:
        native, model = (read_protein_chains(shared / "scored" / row[name])[0] for name in ("native", "model"))
        paired = pair(native, model, sequence=row["seqres"] if stated else None, pairing="letters")
        assert paired.placed == len(native.letters)
        assert rmsd(paired.model, paired.native) == pytest.approx(float(row["rmsd"]), abs=0.002), row["model"]
    assert len(rows) == 465


def test_published_lddt_is_met_with_the_pairing_of_the_publishers(shared: Path):
    for row in published(shared):
        native, model = (read_protein_chains(shared / "scored" / row[name])[0] for name in ("native", "model"))
        coords = np.full((len(row["seqres"]), 3), np.nan)
        coords[first_places(native.letters, row["seqres"])] = native.coords
        placed = place_chain(model, row["seqres"])
        assert local(placed.coords, coords) == pytest.approx(float(row["lddt"]), abs=0.0005), row["model"]


def test_where_the_default_pairing_departs_from_the_published_one_it_is_the_better(shared: Path):
    rmsd_off, lddt_off, worse = set(), set(), []
    for row in published(shared):
        native, model = (read_protein_chains(shared / "scored" / row[name])[0] for name in ("native", "model"))
        full = row["seqres"]
        paired = pair(native, model, sequence=full)
        ours = np.flatnonzero(np.isfinite(paired.native).all(1))
        for name, theirs in (("rmsd", align(native.letters, full)), ("lddt", first_places(native.letters, full))):
            if not np.array_equal(ours, theirs) and faults(native, ours, full) >= faults(native, theirs, full):
                worse.append((name, row["name"]))
        if abs(rmsd(paired.model, paired.native) - float(row["rmsd"])) > 0.002:
            rmsd_off.add(row["name"])
        if abs(local(paired.model, paired.native) - float(row["lddt"])) > 0.0005:
            lddt_off.add(row["name"])
            assert not np.array_equal(ours, first_places(native.letters, full)), row["model"]
    assert rmsd_off == PUBLISHED_PAIRING_IS_WRONG
    assert len(lddt_off) == 31
    assert not worse


SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKAL"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(1, 58), st.integers(1, 6)), max_size=3), st.booleans())
def test_observed_residues_come_to_stand_where_they_were(seed: int, gaps: list[tuple[int, int]], numbered: bool):
    """By numbers to the residue; without them each has a place, and hardly a letter is wrong there."""
    trace = random_trace(len(SEQUENCE), seed)
    seen = np.ones(len(SEQUENCE), dtype=bool)
    for at, length in gaps:
        seen[at : at + length] = False
    letters = "".join(letter for letter, there in zip(SEQUENCE, seen, strict=True) if there)
    numbers = np.flatnonzero(seen) + 1 if numbered else np.arange(seen.sum()) + 501
    placed = place_chain(polymer(letters, trace[seen], numbers), SEQUENCE)
    places = np.flatnonzero(np.isfinite(placed.coords).all(1))
    if numbered:
        assert np.array_equal(places, np.flatnonzero(seen))
        np.testing.assert_allclose(placed.coords[seen], trace[seen], atol=1e-4)
    assert len(places) == len(letters) and placed.identity >= (1 if numbered else 0.95)


def test_bonds_decide_to_which_side_of_a_gap_a_residue_belongs():
    """S of `LS...SP` may stand at either end of what is missing."""
    full, places = "MKVALSGGGSPEWQRK", [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15]
    trace = random_trace(len(full), 3)
    trace[6:] += 12  # the two sides of the gap are far from each other
    letters = "".join(full[place] for place in places)
    chain = polymer(letters, trace[places], np.arange(len(places)) + 100)
    assert np.flatnonzero(np.isfinite(place_chain(chain, full).coords).all(1)).tolist() == places


@pytest.mark.parametrize(("gap_after", "places"), [(5, [0, 1, 2, 3, 4, 5]), (4, [0, 1, 2, 3, 4, 8])])
def test_bonds_say_where_a_sequence_without_seqres_leaves_out_residues(gap_after: int, places: list[int]):
    """Only what was observed is in the sequence; its S is the first or the second of the model."""
    whole, full = "MKVALSGGSPEWQRK", "MKVALSPEWQRK"
    trace = random_trace(len(whole), 3)
    steps = np.full(len(full) - 1, 3.8)
    steps[gap_after] = 9.0
    placed = place_chain(polymer(whole, trace), full, steps=steps)
    np.testing.assert_allclose(placed.coords, trace[[*places, *range(9, 15)]], atol=1e-4)


def test_mutated_partial_and_tagged_models_are_placed_by_number():
    trace = random_trace(len(SEQUENCE), 5)
    native = polymer(SEQUENCE, trace)
    mutated = "".join("G" if index % 15 == 7 else letter for index, letter in enumerate(SEQUENCE))
    paired = pair(native, polymer(mutated[10:50], trace[10:50], np.arange(11, 51)))
    assert paired.placed == 40 and paired.identity == pytest.approx(1 - sum(i % 15 == 7 for i in range(10, 50)) / 40)
    assert rmsd(paired.model, paired.native) == pytest.approx(0, abs=1e-4)
    tag = random_trace(8, 1) + 50
    tagged = pair(native, polymer("HHHHHHGS" + SEQUENCE, np.concatenate([tag, trace])), sequence=SEQUENCE)
    assert tagged.placed == len(SEQUENCE) and rmsd(tagged.model, tagged.native) == pytest.approx(0, abs=1e-4)


def test_without_a_stated_sequence_common_numbers_pair_the_residues():
    trace = random_trace(len(SEQUENCE), 7)
    one, other = np.r_[0:20, 25:62], np.r_[5:30, 33:60]
    letters = np.array(list(SEQUENCE))
    native = polymer("".join(letters[one]), trace[one], one + 301)
    model = polymer("".join(letters[other]), trace[other], other + 301)
    paired = pair(native, model)
    assert paired.placed == len(set(one) & set(other))
    assert rmsd(paired.model, paired.native) == pytest.approx(0, abs=1e-4)
    assert paired.sequence == SEQUENCE


def test_letters_pair_only_residues_with_a_c_alpha_as_the_program_does():
    """A residue without one would take the place of the next one with its letter."""
    letters, trace = "MKVALSGGGGGSPEWQRK", random_trace(18, 3)
    native = polymer(letters[:7] + letters[8:], np.delete(trace, 7, axis=0))
    hollow = trace.copy()
    hollow[7] = np.nan
    paired = pair(native, polymer(letters, hollow), pairing="letters")
    assert paired.placed == 17 and rmsd(paired.model, paired.native) == pytest.approx(0, abs=1e-4)
    assert paired.sequence == native.letters
    swapped = pair(polymer(letters, hollow), native, pairing="letters")
    assert swapped.placed == 17 and swapped.sequence == native.letters


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_what_cannot_be_paired_is_said(pairing: Pairing):
    trace = random_trace(30, 0)
    far = np.full_like(trace, np.nan)
    with pytest.raises(PairingError, match="no residue of the model has a counterpart"):
        pair(polymer("A" * 30, trace), polymer("A" * 30, far), pairing=pairing)
    with pytest.raises(PairingError, match="too many to be aligned"):
        align("A" * 5000, "A" * 5001)


def test_files_are_read_with_their_b_factors_and_bad_ones_named(tmp_path: Path):
    trace = random_trace(12, 2)
    for name in ("a.pdb", "a.pdb.gz", "a.cif"):
        write_trace(tmp_path / name, SEQUENCE[:12], trace, b_factors=np.arange(12.0))
        (chain,) = read_protein_chains(tmp_path / name)
        np.testing.assert_allclose(chain.coords, trace, atol=6e-4)
        assert chain.letters == SEQUENCE[:12] and chain.b_factors.tolist() == list(range(12))
    (tmp_path / "b.pdb").write_text("nothing\n")
    with pytest.raises(StructureError, match=r"b\.pdb: no protein chain"):
        read_protein_chains(tmp_path / "b.pdb")
    with pytest.raises(StructureError, match=r"c\.pdb: "):
        read_protein_chains(tmp_path / "c.pdb")
