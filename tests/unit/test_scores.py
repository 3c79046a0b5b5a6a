"""Properties of the metrics of a chain, and values counted by hand."""

from collections.abc import Mapping
from pathlib import Path

import biotite.structure as biotite
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from proteinmtp.base.metrics import NAMES, PROFILES
from proteinmtp.geometry.chirality import pseudo_dihedrals
from proteinmtp.geometry.constants import CLASH, HELIX_KEPT
from proteinmtp.geometry.distances import pack_upper, pairwise_distances
from proteinmtp.geometry.lddt import lddt, lddt_per_residue
from proteinmtp.geometry.pair_scores import DISTANCES, SEPARATIONS, contact_precision, likeliest, pair_scores
from proteinmtp.geometry.superposition import Superpositions, kabsch, score, tm_d0
from proteinmtp.geometry.trace import bond_violations, radius_of_gyration
from proteinmtp.scoring.chain import ChainScores, score_chain
from proteinmtp.structures.parse import ParsedChain, parse_file

from ..support.parsing import ANY
from ..support.program import needs_program, program_scores
from ..support.shapes import chains, helix, random_chain, random_motion, seeds
from ..support.traces import random_trace


def noisy(chain: torch.Tensor, seed: int, scale: float = 2.0) -> torch.Tensor:
    return chain + scale * torch.randn(chain.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def all_metrics(model: torch.Tensor, native: torch.Tensor) -> ChainScores:
    return score_chain(model.numpy(), native.numpy())


def all_scores(model: torch.Tensor, native: torch.Tensor) -> Mapping[str, float | None]:
    return all_metrics(model, native).scores


@given(chains(30, 90), seeds, seeds)
@settings(max_examples=20, deadline=None)
def test_no_score_changes_when_the_model_is_moved_and_turned(chain, noise, motion):
    model = noisy(chain, noise)
    rotation, shift = random_motion(motion)
    here, there = all_scores(model, chain), all_scores(model @ rotation + shift, chain)
    for name in NAMES:
        # One residue more or less at a cutoff, and a mirror image that fits as well, are a matter of rounding.
        tolerance = {"gdt_ts": 0.01, "gdt_ha": 0.01, "mirrored": 1, "tm_score": 1e-4}.get(name, 1e-5)
        assert there[name] == pytest.approx(here[name], abs=tolerance), name


@given(chains(30, 90), seeds)
@settings(max_examples=20, deadline=None)
def test_a_mirror_image_has_other_superpositions_and_the_same_distances(chain, noise):
    model = noisy(chain, noise, 0.5)
    image = model * torch.tensor([1, 1, -1.0])
    one, other = all_scores(model, chain), all_scores(image, chain)
    for name in ("mae", "rmse", "lddt", "contacts_l", "radius_of_gyration", "bond_violations", "clashes"):
        assert other[name] == one[name] or other[name] == pytest.approx(one[name])
    assert other["tm_score"] < one["tm_score"] and other["rmsd"] > one["rmsd"]
    assert (one["mirrored"], other["mirrored"]) == (0, 1)


@given(chains(30, 90))
@settings(max_examples=10, deadline=None)
def test_a_copy_is_perfect(chain):
    scores = all_scores(chain, chain)
    for name in ("lddt", "tm_score", "gdt_ts", "gdt_ha", "contacts_r"):
        assert scores[name] is None or scores[name] == pytest.approx(1, abs=1e-6)
    for name in ("mae", "rmse", "rmsd", "mirrored", "radius_error"):
        assert scores[name] == pytest.approx(0, abs=1e-3)
    assert scores["tm_score"] <= 1


@given(chains(30, 90), seeds, st.sampled_from((0.5, 2.0, 8.0, 30.0)))
@settings(max_examples=25, deadline=None)
def test_scores_keep_their_bounds(chain, noise, scale):
    scores = all_scores(noisy(chain, noise, scale), chain)
    assert 0 < scores["tm_score"] <= 1
    assert 0 <= scores["gdt_ha"] <= scores["gdt_ts"] <= 1
    assert 0 <= scores["lddt"] <= 1
    assert scores["mae"] <= scores["rmse"]


@given(chains(30, 90), seeds, st.sets(st.integers(0, 29), max_size=20))
@settings(max_examples=20, deadline=None)
def test_rows_that_were_not_observed_never_count(chain, noise, hidden):
    model = noisy(chain, noise)
    native = chain.clone()
    native[sorted(hidden)] = torch.nan
    wrong = model.clone()
    wrong[sorted(hidden)] += 100
    seen = native.isfinite().all(1)
    here, there = all_metrics(model, native), all_metrics(wrong, native)
    one = here.scores
    assert one == there.scores
    for name in PROFILES:
        assert np.array_equal(here.profiles[name], there.profiles[name], equal_nan=True)
    alone = score(model[seen], chain[seen])
    assert (one["tm_score"], one["gdt_ts"], one["rmsd"]) == (alone.tm_score, alone.gdt_ts, alone.rmsd)


def test_residues_that_the_model_lacks_count_as_wrong():
    chain = random_chain(0, 60)
    model = chain.clone()
    model[:15] = torch.nan
    metrics = all_metrics(model, chain)
    scores = metrics.scores
    assert scores["tm_score"] == pytest.approx(0.75, abs=1e-6)
    assert (scores["gdt_ts"], scores["gdt_ha"]) == pytest.approx((0.75, 0.75))
    assert scores["rmsd"] == pytest.approx(0, abs=1e-3)
    assert scores["lddt"] < 0.75
    assert np.array_equal(metrics.profiles["lddt_residues"][:15], np.zeros(15))


@given(chains(30, 90), seeds)
@settings(max_examples=15, deadline=None)
def test_the_pass_over_pairs_finds_what_matrices_say(chain, noise):
    model = noisy(chain, noise)
    predicted = pairwise_distances(noisy(chain, noise + 1))
    places = np.arange(len(chain))
    of_chain = {"places": places, "predicted": pack_upper(predicted.numpy()), "length": len(chain)}
    result = pair_scores(model.numpy(), chain.numpy(), **of_chain)
    true = pairwise_distances(chain)
    # In single precision a pair at a threshold may fall on its other side.
    assert result.kept.sum() / result.local.sum() == pytest.approx(lddt(pairwise_distances(model), true), abs=2e-3)
    per_residue = lddt_per_residue(pairwise_distances(model), true).numpy()
    assert np.median(np.abs(result.kept / result.local - per_residue)) < 1e-6
    i, j = np.triu_indices(len(chain), 1)
    true, error = true.numpy()[i, j], np.abs(predicted - true).numpy()[i, j]
    for begins, value, sums in ((SEPARATIONS, j - i, result.by_separation), (DISTANCES, true, result.by_distance)):
        for low, high, row in zip(begins, (*begins[1:], np.inf), sums, strict=True):
            inside = error[(value >= low) & (value < high)]
            assert row == pytest.approx([len(inside), inside.sum(), np.square(inside).sum()], rel=1e-4)
    far, medium = j - i >= 24, (j - i >= 12) & (j - i < 24)
    for order, contact, which in (
        (result.far, result.far_contact, far),
        (result.medium, result.medium_contact, medium),
    ):
        assert order == pytest.approx(predicted.numpy()[i, j][which], rel=1e-5)
        assert np.array_equal(contact, (true < 8)[which])
    sure = np.linspace(0, 1, len(i), dtype=np.float32)
    ranked = pair_scores(model.numpy(), chain.numpy(), **of_chain, contact=sure)
    assert ranked.far == pytest.approx(-sure[far]) and ranked.medium == pytest.approx(-sure[medium])
    assert np.array_equal(ranked.kept_distances, result.kept_distances)
    close = (pairwise_distances(model).numpy() < CLASH) & (np.abs(np.subtract.outer(places, places)) > 1)
    assert np.array_equal(result.clashing, close.any(1))


@given(chains(30, 90), seeds, st.sets(st.integers(0, 29), max_size=12))
@settings(max_examples=15, deadline=None)
def test_distances_are_kept_and_contacts_ranked_as_matrices_say(chain, noise, hidden):
    """Plain numpy over all pairs: lDDT of the predicted distances, precision of the contacts, by probability."""
    rng = np.random.default_rng(noise)
    length = len(chain)
    native = chain.clone()
    native[sorted(hidden)] = torch.nan
    i, j = np.triu_indices(length, 1)
    predicted = pairwise_distances(noisy(chain, noise)).numpy()[i, j]
    predicted[rng.random(len(i)) < 0.1] = np.nan
    contact = rng.permutation(len(i)) / len(i)
    seen = native.isfinite().all(1).numpy()
    both = seen[i] & seen[j]
    true = pairwise_distances(native).numpy()[i, j]
    model = noisy(chain, noise + 1).numpy()
    metrics = score_chain(model, native.numpy(), predicted=predicted, contact=contact)

    near = both & (true < 15)
    kept = np.mean([np.abs(predicted - true)[near] < limit for limit in (0.5, 1, 2, 4)], axis=0)
    assert metrics.scores["lddt_distances"] == pytest.approx(kept.mean(), abs=2e-3)
    number, total = np.zeros(length), np.zeros(length)
    for ends in (i[near], j[near]):
        np.add.at(number, ends, 1)
        np.add.at(total, ends, kept)
    residues = (total / np.maximum(number, 1))[seen]
    assert np.median(np.abs(np.nan_to_num(metrics.profiles["lddt_distances_residues"]) - residues)) < 1e-6

    by_distance = score_chain(model, native.numpy(), predicted=predicted).scores
    for scores, order in ((metrics.scores, -contact), (by_distance, np.where(np.isnan(predicted), np.inf, predicted))):
        for name, apart, share in (("contacts12_l", 12, 1), ("contacts12_l5", 12, 5), ("contacts_l2", 24, 2)):
            asked = np.flatnonzero(both & (j - i >= apart))
            first = asked[np.argsort(order[asked], kind="stable")][: seen.sum() // share]
            if len(first):
                right = (true[first] < 8) & np.isfinite(order[first])
                assert scores[name] == pytest.approx(right.mean())


def test_a_model_without_distances_of_its_own_has_one_lddt():
    chain = random_chain(4, 60)
    metrics = all_metrics(noisy(chain, 1), chain)
    assert metrics.scores["lddt_distances"] == metrics.scores["lddt"] and metrics.scores["lddt"] < 1
    assert np.array_equal(metrics.profiles["lddt_distances_residues"], metrics.profiles["lddt_residues"])


def test_pairs_are_ranked_by_the_probability_of_a_contact_where_there_is_one():
    chain = random_chain(0, 60)
    true = pack_upper(pairwise_distances(chain).numpy())
    wrong = true[::-1].copy()
    sure = (true < 8).astype(np.float16)
    model, native = chain.numpy(), chain.numpy()

    def precision(predicted, contact=None):
        return score_chain(model, native, predicted=predicted, contact=contact).scores["contacts12_l5"]

    assert precision(wrong, sure) == 1
    assert precision(wrong) < 0.5
    assert precision(true) == 1


def test_contacts_are_counted_from_the_closest():
    far = np.array([9.0, 1.0, 5.0, np.nan, 3.0])
    contact = np.array([True, True, False, True, True])
    # In order: 1 yes, 3 yes, 5 no, 9 yes, none.
    assert contact_precision(far, contact, counts=[1, 2, 3, 4, 9, 0]) == [1, 1, 2 / 3, 0.75, 0.6, None]
    assert contact_precision(far[:0], contact[:0], counts=[3]) == [None]
    # Those below the mark are looked at alone only where they are enough.
    likely = -np.array([0.001, 0.9, 0.5, np.nan, 0.7])
    assert [len(part) for part in likeliest(likely, contact, most=3, first=-0.02)] == [3, 3]
    assert [len(part) for part in likeliest(likely, contact, most=4, first=-0.02)] == [5, 5]
    few = likeliest(likely, contact, most=3, first=-0.02)
    assert contact_precision(*few, counts=[1, 3]) == contact_precision(likely, contact, counts=[1, 3]) == [1, 2 / 3]


def test_bonds_are_trans_or_cis_or_wrong():
    coords = np.array([[0.0, 0, 0], [3.8, 0, 0], [6.75, 0, 0], [12.0, 0, 0], [50.0, 0, 0]])
    assert bond_violations(coords, np.array([0, 1, 2, 3, 9])) == pytest.approx(1 / 3)
    assert bond_violations(coords[:2], np.array([0, 5])) is None
    assert radius_of_gyration(np.array([[0.0, 0, 0], [2, 0, 0]])) == 1


@given(st.integers(3, 40), seeds, st.sampled_from((0.0, 1e-6, 1.0, 50.0)))
@settings(max_examples=40, deadline=None)
def test_the_compiled_superposition_is_that_of_kabsch(length, seed, scale):
    native = random_chain(seed, length)
    rotation, shift = random_motion(seed)
    model = noisy(native, seed, scale) @ rotation + shift
    turn, move = kabsch(model, native, weights=torch.ones(length, dtype=torch.float64))
    expected = float((model @ turn + move - native).square().sum(1).mean().sqrt())
    assert Superpositions(model.numpy(), native.numpy()).rmsd() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("shape", ["line", "point", "plane"])
def test_points_that_do_not_decide_a_rotation_still_score(shape):
    points = torch.zeros(10, 3, dtype=torch.float64)
    if shape != "point":
        points[:, 0] = torch.arange(10) * 3.8
    if shape == "plane":
        points[::2, 1] = 2
    scores = score(points, points)
    assert scores.rmsd == pytest.approx(0, abs=1e-3)
    assert (scores.tm_score, scores.gdt_ts) == pytest.approx((1, 1))


def test_a_model_that_flew_apart_is_scored_at_once():
    chain = random_chain(3, 60)
    model = chain.clone()
    model[30:] *= 1e6
    model[-1] = 1e9
    assert 0 < score(model, chain).tm_score < 0.7


def test_no_superposition_of_least_squares_is_above_that_of_the_search():
    chain = random_chain(8, 70)
    model = noisy(chain, 3, 4)
    turn, move = kabsch(model, chain, weights=torch.ones(70, dtype=torch.float64))
    square = (model @ turn + move - chain).square().sum(1)
    found = score(model, chain)
    assert found.tm_score >= float((1 / (1 + square / tm_d0(70) ** 2)).mean())
    assert found.gdt_ts >= np.mean([float((square <= cutoff**2).double().mean()) for cutoff in (1, 2, 4, 8)])


@needs_program
@pytest.mark.parametrize("kind", ["unrelated", "bent"])
def test_no_score_of_a_short_bad_pair_is_below_that_of_the_program(kind: str, tmp_path: Path):
    """Where d0 is small and nothing fits, a search is easily led astray: 30 pairs of 8 to 60 residues."""
    rng = np.random.default_rng(5)
    for seed in range(30):
        length = int(rng.integers(8, 20 if seed % 2 else 60))
        native = random_trace(length, seed).round(3)
        bent = native + rng.normal(scale=0.8, size=native.shape).cumsum(0)
        model = (random_trace(length, seed + 100) if kind == "unrelated" else bent).round(3)
        ours = score(torch.from_numpy(model), torch.from_numpy(native))
        for name, theirs in program_scores(tmp_path, model, native).items():
            assert getattr(ours, name) >= theirs - 2e-4, (seed, length, name)


def test_the_hand_of_a_helix_is_recognised():
    assert all_scores(helix(40), helix(40))["mirrored"] == 0
    assert all_scores(helix(40) * torch.tensor([-1.0, 1, 1]), helix(40))["mirrored"] == 1


def test_helix_and_strand_windows_are_counted_as_they_turn():
    native, strand = helix(40), random_chain(3, 200)
    scores = all_scores(native, native)
    assert (scores["helix_right"], scores["helix_left"], scores["strand_right"]) == (1, 0, None)
    image = native * torch.tensor([-1.0, 1, 1])
    scores = all_scores(image, native)
    assert (scores["helix_right"], scores["helix_left"]) == (0, 1)
    broken = native.clone()
    broken[20] = torch.nan
    assert all_scores(broken, native)["helix_right"] == pytest.approx(33 / 37), "what a model lacks is not as it was"
    assert all_scores(native, broken)["helix_right"] == 1, "what the experiment lacks does not count"
    angles = pseudo_dihedrals(strand).rad2deg()
    windows = (angles >= -170) & (angles <= -120)
    assert windows.any() and all_scores(strand, strand)["strand_right"] == 1
    assert all_scores(strand * torch.tensor([-1.0, 1, 1]), strand)["strand_right"] == 0


def test_helices_that_another_program_finds_are_right_handed(shared: Path):
    """P-SEA, from biotite, knows helices by their distances too: of real chains and of their mirror images."""
    kept, mirrored, right, left = [], [], [], []
    for path in sorted((shared / "chains").rglob("*.gz"))[::60]:
        for chain in parse_file(path, ANY).items:
            if not isinstance(chain, ParsedChain) or not np.isfinite(chain.coords).all():
                continue
            native = chain.coords.astype(np.float64)
            atoms = biotite.AtomArray(len(native))
            atoms.coord, atoms.atom_name[:], atoms.res_name[:] = native, "CA", "ALA"
            atoms.res_id, atoms.chain_id[:] = np.arange(len(native)), "A"
            inside = sliding_window_view(biotite.annotate_sse(atoms) == "a", 4).all(1)
            angles = np.degrees(biotite.dihedral(native[:-3], native[1:-2], native[2:-1], native[3:]))[inside]
            kept.extend((angles >= HELIX_KEPT[0]) & (angles <= HELIX_KEPT[1]))
            mirrored.extend((-angles >= HELIX_KEPT[0]) & (-angles <= HELIX_KEPT[1]))
            scores = score_chain(native * (1, 1, -1), native).scores
            if scores["helix_right"] is not None:
                right.append(scores["helix_right"])
                left.append(scores["helix_left"])
    assert len(kept) > 1000 and len(right) > 40
    assert np.mean(kept) >= 0.95 and np.mean(mirrored) <= 0.03
    assert np.mean(right) <= 0.03 and np.mean(left) >= 0.95


def test_a_view_of_an_array_scores_as_its_copy():
    native, model = random_chain(1, 40).numpy(), random_chain(2, 40).numpy()
    assert score_chain(model[::-1], native).scores == score_chain(model[::-1].copy(), native).scores


def test_a_wrong_fold_has_no_better_hand():
    native, model = random_chain(1, 80), random_chain(2, 80)
    scores = all_scores(model, native)
    assert scores["tm_score"] < 0.5 and scores["mirrored"] is None
