"""How good a run expects its traces to be: what the distogram lets expect, and what validation chains make of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from proteinmtp.geometry.bins import BINS, bin_of, edges, widths
from proteinmtp.geometry.constants import LDDT_RADIUS, LDDT_THRESHOLDS
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.expected_lddt import expected_lddt
from proteinmtp.geometry.lddt import lddt_per_residue
from proteinmtp.scoring.calibration import calibrated
from proteinmtp.tables.calibration import Calibration

from ..support.shapes import helix, random_chain


def certain(coords: torch.Tensor) -> torch.Tensor:
    """Return the distogram (P, BINS) of one who knows the distances."""
    first, second = torch.triu_indices(len(coords), len(coords), 1)
    bins = bin_of(pairwise_distances(coords)[first, second])
    return torch.nn.functional.one_hot(bins, BINS).double()


def test_of_a_certain_distogram_the_lddt_is_that_of_the_trace():
    native = helix(40)
    for seed, error in enumerate((0.1, 0.5, 2.0)):
        noise = torch.randn(native.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        distances = pairwise_distances(native + error * noise)
        expected = expected_lddt(distances, certain(native))
        assert torch.allclose(expected, lddt_per_residue(distances, pairwise_distances(native)), atol=0.06)


def test_what_is_expected_is_the_mean_over_what_may_be():
    coords = random_chain(1, 8)
    first, second = torch.triu_indices(8, 8, 1)
    likely = torch.rand(len(first), BINS, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    likely[:, 0] = 0  # its bin has no lower end
    likely = likely / likely.sum(1, keepdim=True)
    generator = torch.Generator().manual_seed(3)
    drawn = torch.multinomial(likely, 20_000, replacement=True, generator=generator)
    ends, sizes = torch.cat([edges(), edges()[-1:] + 1]), torch.cat([widths(), torch.ones(1)])
    within = torch.rand(drawn.shape, generator=generator, dtype=torch.float64)
    true = ends[drawn] - within * sizes[drawn]
    apart = pairwise_distances(coords)[first, second, None]
    counted = true < LDDT_RADIUS
    kept = sum(counted & ((true - apart).abs() < threshold) for threshold in LDDT_THRESHOLDS) / len(LDDT_THRESHOLDS)
    expected = expected_lddt(pairwise_distances(coords), likely)
    for residue in range(8):
        own = (first == residue) | (second == residue)
        share = kept[own].double().mean(1).sum() / counted[own].double().mean(1).sum()
        assert float(expected[residue]) == pytest.approx(float(share), abs=0.005)


def test_where_all_is_far_nothing_is_expected():
    likely = torch.zeros(3, BINS)
    likely[:, -1] = 1
    assert expected_lddt(pairwise_distances(random_chain(0, 3)), likely).tolist() == [0, 0, 0]


def test_calibration_finds_what_confidence_is_worth_and_keeps_its_order():
    rng = np.random.default_rng(0)
    expected = [rng.uniform(20, 90, 200) for _ in range(20)]
    observed = [np.clip(0.5 * values + 10 + rng.normal(0, 5, 200), 0, 100) for values in expected]
    observed[0][:5] = np.nan
    found = calibrated(expected, observed)
    assert (found.chains, found.residues) == (20, 3995)
    fresh = rng.uniform(25, 85, 1000)
    assert np.abs(found.apply(fresh) - (0.5 * fresh + 10)).mean() < 1.5
    ordered = found.apply(np.sort(fresh))
    assert (np.diff(ordered) >= 0).all()
    assert len(np.unique(ordered)) > 900, "a staircase would make most of them equal"


def test_without_validation_chains_confidence_stays_as_it_is(tmp_path: Path):
    nothing = calibrated([], [])
    nothing.write(tmp_path / "none.json")
    values = np.array([10.0, 90.0])
    assert Calibration.read(tmp_path / "none.json").apply(values).tolist() == values.tolist()
    falling = calibrated([np.array([10.0, 20, 30])], [np.array([50.0, 40, 30])])
    assert falling.apply(np.array([0.0, 15, 99])).tolist() == pytest.approx([40, 40, 40])
