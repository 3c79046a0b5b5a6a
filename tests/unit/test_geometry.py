import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.backbone import build_backbone
from pipeline.geometry.chirality import dihedral_counts, mirror, mirror_log_ratio, pseudo_dihedrals
from pipeline.geometry.distances import pack_upper, pairwise_distances, unpack_upper
from pipeline.geometry.lddt import lddt, lddt_per_residue
from pipeline.geometry.mds import classical_mds, smacof, stress
from pipeline.geometry.superposition import kabsch, score, superpose, tm_d0


def random_chain(seed: int, length: int) -> torch.Tensor:
    """A random walk with steps of 3.8 angstrom, (L, 3)."""
    steps = torch.randn(length, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (3.8 * steps / steps.norm(dim=-1, keepdim=True)).cumsum(0)


def random_motion(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return matrix * torch.linalg.det(matrix).sign(), 50 * torch.randn(3, generator=generator, dtype=torch.float64)


def helix(length: int) -> torch.Tensor:
    angles = np.radians(np.array([[-58.0], [-47.0]])).repeat(length, axis=1)
    return torch.from_numpy(build_backbone(angles[0], angles[1])[:, 1])


chains = st.builds(random_chain, st.integers(0, 10**6), st.integers(8, 60))
seeds = st.integers(0, 10**6)


@given(chains, seeds)
@settings(max_examples=25, deadline=None)
def test_distances_do_not_change_when_a_chain_is_moved_turned_or_mirrored(chain, seed):
    rotation, shift = random_motion(seed)
    expected = pairwise_distances(chain)
    assert torch.allclose(pairwise_distances(chain @ rotation + shift), expected, atol=1e-9)
    assert torch.allclose(pairwise_distances(mirror(chain)), expected, atol=1e-9)


@given(chains)
@settings(max_examples=25, deadline=None)
def test_classical_mds_rebuilds_exact_distances(chain):
    distances = pairwise_distances(chain)
    assert torch.allclose(pairwise_distances(classical_mds(distances)), distances, atol=1e-6)


@given(chains, seeds)
@settings(max_examples=15, deadline=None)
def test_smacof_never_raises_the_stress(chain, seed):
    noise = torch.randn(len(chain), len(chain), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    distances = (pairwise_distances(chain) + noise + noise.T).clamp(min=0).fill_diagonal_(0)
    coords = classical_mds(distances)
    before = float(stress(distances, coords))
    for _ in range(5):
        coords = smacof(distances, coords, 1)
        after = float(stress(distances, coords))
        assert after <= before + 1e-9
        before = after


def test_padded_rows_change_neither_mds_nor_smacof():
    chain = random_chain(0, 20)
    alone = smacof(pairwise_distances(chain) + 0.3, classical_mds(pairwise_distances(chain) + 0.3), 10)
    padded = torch.full((25, 25), 7.0, dtype=torch.float64)
    padded[:20, :20] = pairwise_distances(chain) + 0.3
    mask = torch.arange(25) < 20
    together = smacof(padded, classical_mds(padded, mask), 10, mask)
    assert torch.allclose(pairwise_distances(together[:20]), pairwise_distances(alone), atol=1e-6)


@given(chains, seeds)
@settings(max_examples=15, deadline=None)
def test_a_moved_copy_scores_perfectly(chain, seed):
    rotation, shift = random_motion(seed)
    scores = score(chain @ rotation + shift, chain)
    assert scores.rmsd == pytest.approx(0, abs=1e-6)
    assert (scores.tm_score, scores.gdt_ts, scores.gdt_ha) == pytest.approx((1, 1, 1))


@given(chains, seeds, seeds)
@settings(max_examples=15, deadline=None)
def test_scores_do_not_depend_on_where_the_model_lies(chain, noise_seed, motion_seed):
    noise = torch.randn(chain.shape, generator=torch.Generator().manual_seed(noise_seed), dtype=torch.float64)
    rotation, shift = random_motion(motion_seed)
    here, there = score(chain + 2 * noise, chain), score((chain + 2 * noise) @ rotation + shift, chain)
    assert there.rmsd == pytest.approx(here.rmsd, abs=1e-6)
    assert there.tm_score == pytest.approx(here.tm_score, abs=1e-3)
    assert 0 < here.tm_score <= 1
    assert here.gdt_ha <= here.gdt_ts


def test_the_mirror_image_of_a_helix_has_its_distances_but_not_its_score():
    model = helix(40)
    assert score(mirror(model), model).tm_score < 0.5
    assert lddt(pairwise_distances(mirror(model)), pairwise_distances(model)) == 1


def test_superposition_skips_unobserved_rows():
    chain = random_chain(3, 20)
    rotation, shift = random_motion(4)
    native = chain @ rotation + shift
    native[5] = torch.nan
    assert torch.allclose(superpose(chain, native)[:5], native[:5], atol=1e-9)


def test_kabsch_weights_decide_what_is_superposed():
    chain = random_chain(5, 20)
    broken = chain.clone()
    broken[10:] += 30
    weights = (torch.arange(20) < 10).double()
    rotation, translation = kabsch(broken, chain, weights)
    assert torch.allclose((broken @ rotation + translation)[:10], chain[:10], atol=1e-9)


def test_d0_is_that_of_zhang_and_skolnick():
    assert tm_d0(100) == pytest.approx(1.24 * 85 ** (1 / 3) - 1.8)
    assert tm_d0(15) == tm_d0(20) == 0.5


def test_lddt_counts_thresholds_by_hand():
    native = pairwise_distances(torch.tensor([[0.0, 0, 0], [4, 0, 0], [30, 0, 0]]))
    model = pairwise_distances(torch.tensor([[0.0, 0, 0], [5.5, 0, 0], [30, 0, 0]]))
    # One pair within 15 angstrom, off by 1.5: it is kept at 2 and 4 but not at 0.5 and 1.
    assert lddt(model, native) == 0.5
    assert lddt_per_residue(model, native)[:2].tolist() == [0.5, 0.5]
    assert math.isnan(float(lddt_per_residue(model, native)[2]))


def test_pseudo_dihedrals_of_an_alpha_helix_are_near_50_degrees():
    angles = torch.rad2deg(pseudo_dihedrals(helix(20)))
    assert torch.allclose(angles, torch.full_like(angles, 50), atol=5)
    assert torch.allclose(torch.rad2deg(pseudo_dihedrals(mirror(helix(20)))), -angles)


def test_the_likelier_hand_of_a_helix_is_right_handed():
    counts = dihedral_counts(helix(60))
    assert mirror_log_ratio(helix(20), counts) > 0 > mirror_log_ratio(mirror(helix(20)), counts)
    assert mirror_log_ratio(helix(20), torch.zeros_like(counts)) == 0


def test_triangles_are_row_major():
    matrix = pairwise_distances(random_chain(1, 4)).numpy()
    packed = pack_upper(matrix)
    assert packed.tolist() == [matrix[i, j] for i in range(4) for j in range(i + 1, 4)]
    assert np.array_equal(unpack_upper(packed, 4), matrix)
    with pytest.raises(ValueError, match="6 pairs"):
        unpack_upper(packed[:-1], 4)


def test_built_backbones_have_ideal_bonds():
    rng = np.random.default_rng(0)
    atoms = build_backbone(rng.uniform(-3, 3, 30), rng.uniform(-3, 3, 30))
    trace = atoms[:, 1]
    assert np.linalg.norm(np.diff(trace, axis=0), axis=1) == pytest.approx(3.8, abs=0.02)
    assert np.linalg.norm(atoms[1:, 0] - atoms[:-1, 2], axis=1) == pytest.approx(1.329)
