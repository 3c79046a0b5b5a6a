import numpy as np
import pytest
import torch

from proteinmtp.geometry.chirality import BINS, dihedral_bins, mirror, predicted_log_ratio
from proteinmtp.geometry.distances import pack_upper, pairwise_distances, unpack_upper
from proteinmtp.geometry.polypeptide import build_polypeptide

from ..support.shapes import random_chain


def test_triangles_are_row_major():
    matrix = pairwise_distances(random_chain(1, 4)).numpy()
    packed = pack_upper(matrix)
    assert packed.tolist() == [matrix[i, j] for i in range(4) for j in range(i + 1, 4)]
    assert np.array_equal(unpack_upper(packed, 4), matrix)
    with pytest.raises(ValueError, match="6 pairs"):
        unpack_upper(packed[:-1], 4)


def test_built_polypeptides_have_ideal_bonds():
    rng = np.random.default_rng(0)
    atoms = build_polypeptide(rng.uniform(-3, 3, 30), rng.uniform(-3, 3, 30))
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
