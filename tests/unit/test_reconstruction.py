from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from proteinmtp.config import ReconstructConfig
from proteinmtp.geometry import mds
from proteinmtp.geometry.chirality import (
    BINS,
    dihedral_counts,
    hand_log_ratios,
    mirror,
    mirror_log_ratio,
    pseudo_dihedrals,
    wrong_hand_fraction,
)
from proteinmtp.geometry.completion import complete, scaling_weights
from proteinmtp.geometry.constants import CIS_BOND, CLASH, TRANS_BOND
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lbfgs import minimise
from proteinmtp.geometry.mds import classical_mds, flatten, smacof, stress
from proteinmtp.geometry.rebuild import rebuild
from proteinmtp.geometry.refine import bond_lengths, error_precision, error_reach, refine, restraints
from proteinmtp.geometry.superposition import superpose

from ..support.shapes import chains, helix, random_chain, seeds


def noisy(chain: torch.Tensor, seed: int, error: float = 1.0, reach: float = 0.0) -> torch.Tensor:
    """Distances (L, L) with Gaussian noise, smoothed over `reach` residues."""
    noise = torch.randn(len(chain), len(chain), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if reach:
        index = torch.arange(len(chain))
        kernel = torch.exp(-0.5 * ((index[:, None] - index) / reach) ** 2).double()
        noise = kernel @ noise @ kernel
    noise = noise + noise.T
    noise = noise * error / noise.std()
    return (pairwise_distances(chain) + noise).clamp(min=0).fill_diagonal_(0)


def all_rows(matrix: torch.Tensor) -> torch.Tensor:
    return torch.ones(matrix.shape[:-1], dtype=torch.bool)


def helices() -> torch.Tensor:
    """Counts of a right-handed helix."""
    return dihedral_counts(helix(200))


@given(chains(8, 60))
@settings(max_examples=25, deadline=None)
def test_classical_mds_rebuilds_exact_distances(chain):
    distances = pairwise_distances(chain)
    assert torch.allclose(pairwise_distances(classical_mds(distances)), distances, atol=1e-6)


@pytest.mark.parametrize("length", [49, 120, 300])
def test_three_eigenvectors_are_those_of_the_whole_spectrum(length, monkeypatch):
    distances = torch.stack([noisy(random_chain(seed, length), seed, 2.0, 3.0) for seed in range(3)])
    partial = classical_mds(distances)
    monkeypatch.setattr(mds, "FULL_SPECTRUM", length)
    assert torch.allclose(partial, classical_mds(distances), atol=1e-4)


def test_equal_distances_have_no_leading_axes_but_still_a_result():
    coords = classical_mds(torch.ones(80, 80, dtype=torch.float64).fill_diagonal_(0))
    assert coords.isfinite().all()


@given(chains(8, 60), seeds, st.booleans())
@settings(max_examples=20, deadline=None)
def test_smacof_never_raises_the_weighted_stress(chain, seed, weighted):
    distances = noisy(chain, seed, 2.0)
    weights = None
    if weighted:
        weights = torch.rand(distances.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.01
        weights = weights + weights.T
    start = classical_mds(distances)
    fits = [start, *(smacof(distances, start, steps=steps, weights=weights) for steps in (1, 2, 4, 8, 16))]
    values = [float(stress(distances, fit, weights=weights)) for fit in fits]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(values))


def test_equal_weights_of_any_size_are_no_weights():
    distances = noisy(random_chain(1, 30), 1)
    start = classical_mds(distances)
    weights = torch.full((30, 30), 0.3, dtype=torch.float64)
    weighted = smacof(distances, start, steps=5, weights=weights)
    assert torch.allclose(weighted, smacof(distances, start, steps=5), atol=1e-6)


def test_weights_decide_which_of_two_contradicting_distances_is_kept():
    distances = torch.tensor([[0.0, 1, 5], [1, 0, 1], [5, 1, 0]], dtype=torch.float64)
    weights = torch.ones(3, 3, dtype=torch.float64)
    weights[0, 2] = weights[2, 0] = 1e-3
    kept = smacof(distances, classical_mds(noisy(random_chain(0, 3), 0)), steps=500, weights=weights)
    assert pairwise_distances(kept)[0, 1] == pytest.approx(1, abs=0.02)


@given(st.lists(st.integers(5, 40), min_size=2, max_size=4), seeds)
@settings(max_examples=10, deadline=None)
def test_a_batch_gives_what_each_chain_gives_alone(lengths, seed):
    # Bit for bit it would not hold: sums over padded rows are added in another order.
    singles = [noisy(random_chain(seed + length, length), seed) for length in lengths]
    width = max(lengths)
    batch = torch.full((len(lengths), width, width), 7.0, dtype=torch.float64)
    for index, matrix in enumerate(singles):
        batch[index, : len(matrix), : len(matrix)] = matrix
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    together = smacof(batch, classical_mds(batch, mask), steps=10, mask=mask)
    for index, matrix in enumerate(singles):
        alone = pairwise_distances(smacof(matrix, classical_mds(matrix), steps=10))
        assert torch.allclose(pairwise_distances(together[index, : len(matrix)]), alone, atol=1e-5)
        assert (together[index, len(matrix) :] == 0).all()


@pytest.mark.parametrize("method", ["mds", "smacof", "gradient"])
def test_rebuilding_in_a_batch_gives_what_each_chain_gives_alone(method):
    config = ReconstructConfig(method=method)
    lengths = [20, 60, 90]
    singles = [pairwise_distances(helix(length)) for length in lengths]
    batch = torch.full((3, 90, 90), 7.0, dtype=torch.float64)
    for index, matrix in enumerate(singles):
        batch[index, : len(matrix), : len(matrix)] = torch.where(matrix < 25, matrix, torch.nan)
    mask = torch.arange(90) < torch.tensor(lengths)[:, None]
    together = rebuild(batch, mask, counts=helices(), config=config)
    for index, length in enumerate(lengths):
        one = slice(index, index + 1)
        alone = rebuild(batch[one, :length, :length], mask[one, :length], counts=helices(), config=config)
        # Iteration stops when little is gained, a few hundredths of an angstrom from the end.
        assert together.stress[index] == pytest.approx(float(alone.stress), abs=0.05)
        assert together.coords[index, length:].isnan().all() and alone.coords.isfinite().all()
        moved = superpose(alone.coords[0], together.coords[index, :length])
        assert (moved - together.coords[index, :length]).norm(dim=-1).max() < 0.2


@given(chains(8, 60), seeds)
@settings(max_examples=15, deadline=None)
def test_numbering_a_chain_from_the_other_end_changes_nothing(chain, seed):
    distances = noisy(chain, seed)
    there = pairwise_distances(smacof(distances, classical_mds(distances), steps=5))
    other_end = distances.flip(0, 1)
    back = pairwise_distances(smacof(other_end, classical_mds(other_end), steps=5)).flip(0, 1)
    assert torch.allclose(there, back, atol=1e-4)


def test_what_is_not_a_metric_is_made_symmetric_and_not_negative():
    raw = torch.tensor([[[3.0, 4, -8], [6, 0, 2], [-2, torch.nan, 0]]])
    pairs = complete(raw)
    assert pairs.target[0].tolist() == [[0, 5, 0], [5, 0, 2], [0, 2, 0]]
    assert pairs.known.sum() == 6 and scaling_weights(pairs)[1].tolist() == [True]


def test_missing_pairs_get_the_shortest_path_at_low_weight_and_capped_ones_at_least_the_cap():
    line = torch.arange(6.0)[:, None] * torch.tensor([3.8, 0, 0])
    exact = pairwise_distances(line)[None]
    pairs = complete(torch.where(exact < 8, exact, torch.nan))
    assert torch.allclose(pairs.target, exact)  # on a straight line a path is the distance
    weights, alike = scaling_weights(pairs)
    assert alike.tolist() == [False]
    assert weights[0, 0, 1] == 1 and 0 < weights[0, 0, 5] < 0.1 and weights[0, 0, 0] == 0
    capped = complete(torch.where(exact < 15, exact, 15.0), cap=15.0)
    assert capped.beyond[0, 0, 4] and not capped.known[0, 0, 4]
    assert capped.target[0, 0, 4] == pytest.approx(15.2)
    folded = torch.where(exact < 15, exact / 3, 15.0)
    assert complete(folded, cap=15.0).target[0, 0, 4] == 15


def test_a_residue_that_nothing_is_known_of_hangs_on_its_neighbours():
    distances = pairwise_distances(random_chain(2, 12))[None].clone()
    distances[0, 5], distances[0, :, 5] = torch.nan, torch.nan
    pairs = complete(distances)
    assert pairs.target[0, 5, 4] == pytest.approx(3.8) and pairs.target.isfinite().all()
    rebuilt = rebuild(distances, all_rows(distances), counts=helices(), config=ReconstructConfig())
    assert rebuilt.coords.isfinite().all()


def test_weights_follow_the_predicted_variance_within_limits():
    sigma = torch.full((1, 6, 6), 2.0)
    sigma[0, 0, 1] = sigma[0, 1, 0] = 1.0
    sigma[0, 0, 2] = sigma[0, 2, 0] = 0.0
    sigma[0, 0, 3] = sigma[0, 3, 0] = 1000.0
    weights = complete(pairwise_distances(random_chain(0, 6))[None].float(), sigma=sigma).weights[0]
    assert weights[0, 1] / weights[4, 5] == pytest.approx(4)
    assert weights[0, 2] / weights[4, 5] == pytest.approx(10)
    assert weights[0, 3] / weights[4, 5] == pytest.approx(0.1)
    assert float(weights.sum() / 30) == pytest.approx(1)


def test_lbfgs_solves_each_problem_as_if_it_were_alone():
    centre = torch.tensor([[1.0, 2], [30, -4], [0, 0]], dtype=torch.float64)
    scale = torch.tensor([[1.0, 100], [0.01, 1], [1, 1]], dtype=torch.float64)

    def bowls(point, at=centre, by=scale):
        return (by * (point - at).square()).sum(-1), 2 * by * (point - at)

    together = minimise(bowls, torch.zeros(3, 2, dtype=torch.float64), steps=60)
    assert torch.allclose(together, centre, atol=1e-3)
    start = torch.zeros(1, 2, dtype=torch.float64)
    first = minimise(lambda point: bowls(point, centre[:1], scale[:1]), start, steps=60)
    assert torch.allclose(first, together[:1], atol=1e-6)


def test_refinement_brings_bonds_to_their_length_and_clashing_atoms_apart():
    chain = helix(40)
    distances = noisy(chain, 0, 2.0)[None]
    pairs = complete(distances)
    start = smacof(distances, classical_mds(distances), steps=20)
    limits = restraints(pairs, bonds=bond_lengths(pairs.target, None), cap=None)
    refined = refine(pairs, start, limits=limits, steps=100)

    def violations(coords):
        between = pairwise_distances(coords[0])
        far = between.triu(3)[between.triu(3) > 0]
        return float((between.diagonal(1) - TRANS_BOND).abs().mean()), int((far < CLASH).sum())

    assert violations(refined)[0] < violations(start)[0]
    assert violations(refined)[1] <= violations(start)[1]


def test_only_a_short_bond_before_a_proline_is_cis():
    target = torch.zeros(1, 4, 4)
    for place, length in enumerate((3.0, 3.0, 3.7)):
        target[0, place, place + 1] = length
    proline = torch.tensor([[True, False, True, False]])
    assert bond_lengths(target, proline)[0].tolist() == pytest.approx([CIS_BOND, TRANS_BOND, TRANS_BOND])
    assert bond_lengths(target, None)[0].tolist() == pytest.approx([TRANS_BOND] * 3)


def test_the_reach_of_errors_is_measured():
    chain = random_chain(7, 150)
    pairs = [complete(noisy(chain, 7, 1.0, reach)[None]) for reach in (0.0, 1.5, 3.0)]
    measured = [float(error_reach(pair, chain[None] - chain.mean(0))) for pair in pairs]
    assert measured[0] < 0.5
    assert measured[1:] == pytest.approx([1.5, 3.0], rel=0.1)


def test_independent_errors_have_the_identity_as_precision():
    mask = torch.arange(6)[None] < 5
    precision = error_precision(torch.tensor([0.05]), mask, independent=0.2)
    assert torch.allclose(precision[0], torch.eye(6, dtype=torch.float64))


def test_correlated_errors_are_fitted_better_when_they_are_known_to_be():
    chain = torch.cat([helix(60), helix(60).flip(0) + torch.tensor([9.0, 0, 0])])
    distances = noisy(chain, 5, 4.0, 3.0)[None]
    errors = []
    for correlated in (False, True):
        config = ReconstructConfig(correlated_errors=correlated)
        rebuilt = rebuild(distances, all_rows(distances), counts=helices(), config=config)
        errors.append(float(stress(pairwise_distances(chain)[None], rebuilt.coords)))
    assert errors[1] < 0.8 * errors[0]


def test_four_dimensions_flatten_to_the_three_that_hold_the_chain():
    chain = random_chain(3, 30) - random_chain(3, 30).mean(0)
    turned = (
        torch.cat([chain, torch.zeros(30, 1, dtype=torch.float64)], -1)
        @ torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).Q
    )
    assert torch.allclose(pairwise_distances(flatten(turned)), pairwise_distances(chain), atol=1e-9)


def test_pseudo_dihedrals_of_an_alpha_helix_are_near_50_degrees():
    angles = torch.rad2deg(pseudo_dihedrals(helix(20)))
    assert torch.allclose(angles, torch.full_like(angles, 50), atol=5)
    assert torch.allclose(torch.rad2deg(pseudo_dihedrals(mirror(helix(20)))), -angles)


def test_the_likelier_hand_of_a_helix_is_right_handed():
    assert mirror_log_ratio(helix(20), helices()) > 0 > mirror_log_ratio(mirror(helix(20)), helices())
    assert mirror_log_ratio(helix(20), torch.zeros(BINS, BINS)) == 0


@given(chains(8, 60), seeds)
@settings(max_examples=20, deadline=None)
def test_the_mirror_image_has_the_opposite_ratio_except_for_rounding_at_bin_edges(chain, seed):
    counts = torch.randint(0, 50, (BINS, BINS), generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(hand_log_ratios(chain, counts), -hand_log_ratios(mirror(chain), counts), atol=1e-9)


def test_residues_that_were_not_observed_say_nothing_about_the_hand():
    chain = helix(30)
    counts = helices()
    gap = chain.clone()
    gap[10:12] = torch.nan
    ratios, whole = hand_log_ratios(gap, counts), hand_log_ratios(chain, counts)
    assert (ratios[6:12] == 0).all()
    assert torch.equal(ratios[:6], whole[:6]) and torch.equal(ratios[12:], whole[12:])
    padded = torch.cat([chain, torch.full((9, 3), torch.nan, dtype=torch.float64)])
    assert mirror_log_ratio(padded, counts) == pytest.approx(float(mirror_log_ratio(chain, counts)))


def test_a_chain_of_both_hands_is_flagged():
    right, left = helix(40), mirror(helix(40))
    both = torch.cat([right, left + right[-1] - left[0] + torch.tensor([0, 0, 3.8])])
    length = torch.tensor(80)
    assert 0.4 < float(wrong_hand_fraction(both, helices(), length=length)) < 0.6
    assert float(wrong_hand_fraction(helix(80), helices(), length=length)) == 0
    assert float(wrong_hand_fraction(helix(6), helices(), length=torch.tensor(6))) == 0


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_shortest_chains_have_coordinates(length):
    distances = pairwise_distances(helix(max(length, 5))[:length])[None]
    rebuilt = rebuild(distances, all_rows(distances), counts=helices(), config=ReconstructConfig())
    assert rebuilt.coords.shape == (1, length, 3) and rebuilt.coords.isfinite().all()
    if length > 1:
        assert torch.allclose(pairwise_distances(rebuilt.coords), distances, atol=0.1)


def test_results_are_the_same_bits_every_time():
    distances = noisy(helix(50), 3, 2.0, 2.0)[None]
    first, second = (
        rebuild(distances, all_rows(distances), counts=helices(), config=ReconstructConfig()) for _ in range(2)
    )
    assert np.array_equal(first.coords.numpy(), second.coords.numpy())
