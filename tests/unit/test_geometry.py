import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from proteinmtp.geometry.polypeptide import build_backbone
from proteinmtp.geometry.chirality import BINS, dihedral_bins, mirror, predicted_log_ratio
from proteinmtp.geometry.distances import pack_upper, pairwise_distances, unpack_upper


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


def test_predicted_dihedrals_tell_a_trace_from_its_mirror_image():
    trace = torch.stack([random_chain(seed, 20) for seed in range(3)])
    bins = dihedral_bins(trace)
    sure = 5.0 * torch.nn.functional.one_hot(bins, BINS)
    ratio = predicted_log_ratio(trace, sure)
    # Each dihedral is worth the difference of its logits, 5 nats, unless its bin is its own mirror image.
    assert ratio.tolist() == pytest.approx([5.0 * 17] * 3)
    assert torch.allclose(predicted_log_ratio(mirror(trace), sure), -ratio)
    padded = torch.cat([trace, torch.full((3, 4, 3), torch.nan)], dim=1)
    assert torch.allclose(predicted_log_ratio(padded, torch.nn.functional.pad(sure, (0, 0, 0, 4))), ratio)
    assert not predicted_log_ratio(trace, torch.zeros_like(sure)).any()
