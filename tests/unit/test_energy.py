"""The energy of traces: its gradient, what it does not depend on, and a helix found by it."""

from dataclasses import fields, replace

import pytest
import torch

from proteinmtp.geometry.bins import BINS, place_of
from proteinmtp.geometry.chirality import BINS as TURNS
from proteinmtp.geometry.chirality import dihedral_bins
from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.energy import Curves, Energy, Expected, pair_order
from proteinmtp.geometry.superposition import score
from proteinmtp.geometry.torsion import virtual_angles

from ..support.shapes import helix, random_chain, random_motion


def anything(lengths: list[int], *, dtype: torch.dtype = torch.float32) -> Expected:
    """Return random predictions of chains of these lengths."""
    generator = torch.Generator().manual_seed(len(lengths))
    longest, chains = max(lengths), len(lengths)

    def values(*shape: int) -> torch.Tensor:
        return torch.rand(chains, *shape, generator=generator).to(dtype)

    return Expected(
        pairs=values(len(pair_order(longest)[0]), BINS),
        pull=values(len(pair_order(longest)[0])),
        turns=values(longest - 3, TURNS),
        angles=1.5 + values(longest - 2),
        bonds=TRANS_BOND + values(longest - 1) / 10,
        mask=torch.arange(longest) < torch.tensor(lengths)[:, None],
    )


def traces(lengths: list[int], number: int = 2) -> torch.Tensor:
    """Return random traces (number, B, L, 3)."""
    longest = max(lengths)
    return torch.stack(
        [torch.stack([random_chain(100 * n + b, longest) for b in range(len(lengths))]) for n in range(number)]
    )


def certain(chain: torch.Tensor) -> Expected:
    """Return what is expected of a chain by one who knows it."""
    distances = pairwise_distances(chain[None])
    first, second = pair_order(len(chain))
    off = torch.arange(BINS) - place_of(distances[0, first, second, None])[0]
    turn = torch.nn.functional.one_hot(dihedral_bins(chain[None]), TURNS)
    return Expected(
        pairs=(off.square() / 4)[None].float(),
        pull=torch.full((1, len(first)), 0.3),
        turns=-3.0 * turn,
        angles=virtual_angles(chain[None]).float(),
        bonds=torch.full((1, len(chain) - 1), TRANS_BOND),
        mask=torch.ones(1, len(chain), dtype=torch.bool),
    )


@pytest.mark.parametrize("periodic", [True, False])
def test_a_curve_goes_through_its_table_and_has_its_slope(periodic: bool):
    table = torch.rand(3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    curves = Curves(table[:, None], periodic=periodic)

    def at(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        value, slope = curves(places.expand(3, -1).T[..., None])
        return value[..., 0].T, slope[..., 0].T

    assert torch.allclose(at(torch.arange(8.0, dtype=torch.float64))[0], table)
    places, step = torch.linspace(-2.93, 9.91, 200, dtype=torch.float64), 1e-6
    value, slope = at(places)
    assert torch.allclose((at(places + step)[0] - at(places - step)[0]) / (2 * step), slope, atol=1e-4)
    if periodic:
        assert torch.allclose(value, at(places + 16)[0])
    else:
        assert torch.equal(value[:, 0], table[:, 0]) and torch.equal(value[:, -1], table[:, -1])


def test_the_gradient_is_that_of_the_energy():
    lengths = [12, 9, 4]
    energy, coords = Energy(anything(lengths, dtype=torch.float64)), traces(lengths)
    step = 1e-6
    direction = torch.randn(coords.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    direction = direction * energy.mask[..., None]
    _, gradient = energy.with_gradient(coords)
    above, below = (energy.with_gradient(coords + by * direction)[0] for by in (step, -step))
    measured = (above - below) / (2 * step)
    assert torch.allclose((gradient * direction).sum((-2, -1)), measured, rtol=1e-4, atol=1e-4)
    assert (gradient * ~energy.mask[..., None]).abs().max() == 0


def test_turning_and_moving_change_nothing_and_the_mirror_image_does():
    energy, coords = Energy(anything([15])), traces([15])
    rotation, shift = random_motion(1)
    assert torch.allclose(energy(coords), energy(coords @ rotation + shift), rtol=1e-4)
    assert not torch.allclose(energy(coords), energy(coords * torch.tensor([1, 1, -1])), rtol=1e-3)


def test_a_chain_does_not_depend_on_its_batch():
    expected, coords = anything([14, 9]), traces([14, 9])
    first, second = pair_order(14)
    own = (first < 9) & (second < 9)
    cut = {"pairs": own, "pull": own, "turns": slice(6), "angles": slice(7), "bonds": slice(8), "mask": slice(9)}
    alone = Energy(replace(expected, **{name: getattr(expected, name)[1:, place] for name, place in cut.items()}))
    assert {field.name for field in fields(Expected)} == set(cut)
    assert torch.allclose(Energy(expected)(coords)[:, 1], alone(coords[:, 1:, :9])[:, 0], rtol=1e-4)


def test_refinement_lowers_the_energy_of_every_trace():
    lengths = [30, 20, 5, 4]
    energy, coords = Energy(anything(lengths)), traces(lengths)
    refined = energy.refine(coords)
    assert (energy(refined) < energy(coords)).all()
    assert refined.isfinite().all() and (refined * ~energy.mask[..., None]).abs().max() == 0


def test_a_known_helix_is_found_again_and_its_mirror_image_costs_more():
    native = helix(30)
    energy = Energy(certain(native))
    noise = torch.randn(2, 1, 30, 3, generator=torch.Generator().manual_seed(0))
    starts = torch.stack([native, native * torch.tensor([1, 1, -1])])[:, None]
    refined = energy.refine(starts + noise)
    assert score(refined[0, 0].double(), native).rmsd < 1.0 < score(starts[0, 0] + noise[0, 0].double(), native).rmsd
    right, wrong = energy(refined)[:, 0].tolist()
    assert right < wrong - 100
