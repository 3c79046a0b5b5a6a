"""Courses of pseudo-dihedrals beside all courses there are, and traces built from angles."""

import itertools

import pytest
import torch

from proteinmtp.geometry.chirality import BINS, PSEUDOCOUNT, pseudo_dihedrals
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.torsion import (
    build_trace,
    emissions,
    likeliest_course,
    middle_of,
    sampled_courses,
    virtual_angles,
)

from ..support.shapes import helix, random_chain

STATES = 5
"""Bins that predictions allow in the tests; all courses of three of them can be counted."""


def predicted(*, chains: int, length: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits (chains, length, BINS) that leave STATES bins, and counts (BINS, BINS)."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.full((chains, length, BINS), -100.0)
    logits[..., :STATES] = 2 * torch.randn(chains, length, STATES, generator=generator)
    return logits, torch.randint(0, 30, (BINS, BINS), generator=generator)


def probabilities(logits: torch.Tensor, counts: torch.Tensor) -> dict[tuple[int, ...], float]:
    """Return the probability of each course of one chain, from its definition."""
    joint = counts.double() + PSEUDOCOUNT
    often, first = joint.sum(0) - (BINS - 1) * PSEUDOCOUNT, joint.sum(1)
    share = logits.double().softmax(-1) / (often / often.sum())
    weights = {}
    for course in itertools.product(range(STATES), repeat=len(logits)):
        weight = float(first[course[0]] * share[0, course[0]])
        for place in range(1, len(course)):
            one, other = course[place - 1], course[place]
            weight *= float(joint[one, other] / first[one] * share[place, other])
        weights[course] = weight
    total = sum(weights.values())
    return {course: weight / total for course, weight in weights.items()}


def everything(logits: torch.Tensor) -> torch.Tensor:
    return torch.ones(logits.shape[:2], dtype=torch.bool)


def test_the_likeliest_course_is_that_of_all():
    logits, counts = predicted(chains=4, length=4)
    found = likeliest_course(emissions(logits, counts), counts, everything(logits))
    for chain, course in zip(logits, found.tolist(), strict=True):
        of_all = probabilities(chain, counts)
        assert tuple(course) == max(of_all, key=of_all.__getitem__)


def test_courses_are_drawn_as_often_as_they_are_likely():
    logits, counts = predicted(chains=1, length=3, seed=1)
    draws = 20_000
    generator = torch.Generator().manual_seed(0)
    drawn = sampled_courses(emissions(logits, counts), counts, everything(logits), samples=draws, generator=generator)
    of_all = probabilities(logits[0], counts)
    often = dict.fromkeys(of_all, 0)
    for course in drawn[:, 0].tolist():
        often[tuple(course)] += 1
    for course, probability in of_all.items():
        deviation = (probability * (1 - probability) / draws) ** 0.5
        assert often[course] / draws == pytest.approx(probability, abs=5 * deviation + 1e-4)


def test_padding_changes_no_course():
    logits, counts = predicted(chains=2, length=6)
    mask = everything(logits)
    mask[1, 4:] = False
    emission = emissions(logits, counts)
    together = likeliest_course(emission, counts, mask)
    alone = likeliest_course(emission[1:, :4], counts, mask[1:, :4])
    assert torch.equal(together[1, :4], alone[0])
    drawn = sampled_courses(emission, counts, mask, samples=3, generator=torch.Generator().manual_seed(0))
    assert (drawn[:, 1, 4:] == drawn[:, 1, 3:4]).all()


@pytest.mark.parametrize("length", [4, 5, 60, 600])
def test_a_trace_is_built_from_its_angles(length: int):
    chain = random_chain(length, length)
    bonds = (chain[1:] - chain[:-1]).norm(dim=-1)
    built = build_trace(pseudo_dihedrals(chain), virtual_angles(chain), bonds)
    assert (pairwise_distances(built) - pairwise_distances(chain)).abs().max() < 1e-4
    assert (pseudo_dihedrals(built) - pseudo_dihedrals(chain)).abs().max() < 1e-9


def test_the_middle_of_a_bin_is_in_it():
    trace = helix(5)
    turn = pseudo_dihedrals(trace)[0]
    middles = middle_of(torch.arange(BINS))
    assert (middles - turn).abs().min() <= torch.pi / BINS
    assert middles[0] == pytest.approx(-torch.pi * (1 - 1 / BINS))
