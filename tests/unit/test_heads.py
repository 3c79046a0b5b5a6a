"""Each head: what it gives, its shapes, and that a chain's prediction is its own."""

import math

import pytest
import torch

from proteinmtp.base.errors import PartError
from proteinmtp.config import HeadConfig
from proteinmtp.geometry.bins import (
    BINS,
    FIRST,
    KNEE,
    LAST,
    WIDE,
    WIDTH,
    bin_of,
    edges,
    median,
    moments,
    place_of,
    widths,
)
from proteinmtp.geometry.constants import CONTACT
from proteinmtp.geometry.mds import classical_mds
from proteinmtp.model.build import make_head
from proteinmtp.model.fixed_length import TooLongError
from proteinmtp.model.heads.equivariant import Layer
from proteinmtp.model.pairs import pair_index
from proteinmtp.model.parts import head_facts

from ..support.networks import SEQUENCES, SLOT_HEADS, batch_of, network_of

EVERY_HEAD = [
    *({"kind": name} for name in SLOT_HEADS),
    *(
        {"kind": kind, "trunk": trunk, "blocks": 2}
        for kind in ("distance", "distogram", "equivariant")
        for trunk in ("convolution", "triangle")
    ),
    *(
        {"kind": kind, "normalisation": normalisation}
        for kind in ("coords", "label_wise", "coordinate_wise")
        for normalisation in ("range", "chain")
    ),
]


def label(head: dict) -> str:
    return "-".join(map(str, head.values()))


def shaken(small, head: dict, **changes: object):
    """Return a network whose parameters are not those of the start, some of which are zero."""
    network = network_of(small, head=head, **changes)
    network.fit([chain[chain.isfinite().all(-1)] for chain in batch_of(small).coords])
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("head", EVERY_HEAD, ids=label)
def test_padding_order_and_batch_mates_do_not_change_a_prediction(small, head: dict):
    network = shaken(small, head)
    longest = max(map(len, SEQUENCES))
    with torch.no_grad():
        for order in (SEQUENCES, SEQUENCES[::-1]):
            together = network(batch_of(small, order))
            for row, sequence in enumerate(order):
                alone = network(batch_of(small, (sequence,)))
                length = len(sequence)
                assert torch.allclose(together.distances[row, :length, :length], alone.distances[0], atol=2e-3)
                if alone.logits is not None:
                    inside = (pair_index(longest, alone.logits.device) < length).all(0)
                    assert torch.allclose(together.logits[row, inside], alone.logits[0], atol=1e-3)
                if alone.coords is not None:
                    assert torch.allclose(together.coords[row, :length], alone.coords[0], atol=1e-3)


@pytest.mark.parametrize("head", EVERY_HEAD, ids=label)
def test_a_head_gives_what_it_says_in_the_shapes_it_says(small, head: dict):
    network = shaken(small, head)
    batch = batch_of(small)
    with torch.no_grad():
        prediction = network(batch)
    given = {field for field, value in vars(prediction).items() if isinstance(value, torch.Tensor)}
    assert given == head_facts(head["kind"]).gives
    assert prediction.readouts.keys() == network.readouts.keys()
    size, longest = batch.residues.shape
    shapes = {"logits": (size, longest * (longest - 1) // 2, BINS), "coords": (size, longest, 3), "scale": (size,)}
    for field in given:
        assert getattr(prediction, field).shape == shapes.get(field, (size, longest, longest)), field
        assert getattr(prediction, field).dtype == torch.float32
    for row, sequence in enumerate(SEQUENCES):
        distances = prediction.distances[row, : len(sequence), : len(sequence)]
        assert torch.equal(distances, distances.T)
        assert (distances >= 0).all()
        assert not distances.diagonal().any()


@pytest.mark.parametrize("kind", ["distance", "distogram"])
def test_a_fitted_pair_head_begins_at_the_null_of_the_separation(kind: str):
    torch.manual_seed(0)
    chains = [3.8 * torch.nn.functional.normalize(torch.randn(n, 3), dim=1).cumsum(0) for n in (40, 60, 80)]
    head = make_head(HeadConfig(kind=kind), 16)
    head.fit(chains)
    with torch.no_grad():
        head.pairs.mix[-1].weight.zero_()
        head.pairs.mix[-1].bias.zero_()
        distances = head(torch.randn(1, 80, 16), torch.ones(1, 80, dtype=torch.bool)).distances[0]
    for separation in (1, 2, 7, 30):
        mean = torch.cat([torch.cdist(chain, chain).diagonal(separation) for chain in chains]).mean()
        assert float(distances[0, separation]) == pytest.approx(float(mean), abs=0.15)


def test_the_bins_are_those_that_are_documented():
    assert len(edges()) == BINS - 1
    assert (float(edges()[0]), float(edges()[-1])) == (FIRST, LAST) == (2.3125, 32.0625)
    assert set(edges().diff().tolist()) == {WIDTH, WIDE} == {0.3125, 0.5}
    assert bin_of(torch.tensor([2.0, 2.4, KNEE + 0.1, 32.0, 32.1, torch.nan])).tolist() == [0, 1, 45, 76, 77, 77]


def test_a_place_is_a_bin_whose_middle_is_whole():
    middles = edges() - widths() / 2
    place, scale = place_of(middles)
    assert torch.equal(place, torch.arange(BINS - 1.0))
    assert torch.equal(scale, 1 / widths())
    distances = torch.rand(1000, generator=torch.Generator().manual_seed(0)) * 30 + FIRST
    place, _ = place_of(distances)
    assert torch.equal((place + 0.5).long(), bin_of(distances))


def test_the_moments_of_a_distogram_are_those_of_its_bins():
    sure = torch.full((BINS,), -1e4)
    sure[10] = 0.0
    middle = FIRST + 9.5 * WIDTH
    mean, sigma, contact = moments(sure, torch.tensor(30.0))
    assert float(mean) == pytest.approx(middle)
    assert float(sigma) == pytest.approx(WIDTH / 12**0.5, rel=1e-3)
    assert float(contact) == 1.0
    half = torch.full((BINS,), -1e4)
    half[10] = half[-1] = 0.0
    mean, sigma, contact = moments(half, torch.tensor(30.0))
    assert float(mean) == pytest.approx((middle + 30) / 2)
    assert float(sigma) == pytest.approx((30 - middle) / 2, rel=1e-3)
    assert float(contact) == pytest.approx(0.5)
    at = int(bin_of(torch.tensor([CONTACT]))[0])
    torn = torch.full((BINS,), -1e4)
    torn[at] = 0.0
    share = (CONTACT - float(edges()[at - 1])) / WIDTH
    assert float(moments(torn, torch.tensor(30.0))[2]) == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize("kind", ["coords", "label_wise", "coordinate_wise"])
def test_global_normalisation_is_undone_exactly(kind: str):
    head = make_head(HeadConfig(kind=kind, max_length=4), 8)
    head.fit([torch.tensor([[10.0, 0, 0], [30, 0, 0], [torch.nan] * 3]), torch.tensor([[20.0, 60, 0], [20, 20, 0]])])
    normal = head.normalisation
    assert normal.centre.tolist() == pytest.approx([20, 20, 0])
    target = torch.tensor([[[12.0, 3.0, -4.0], [100.0, 0.0, 0.5]]])
    values = (target - normal.centre) / normal.scale[0]
    prediction = normal.prediction(values, torch.ones(1, 2, dtype=torch.bool))
    assert torch.allclose(prediction.coords, target, atol=1e-5)


def test_range_normalisation_takes_the_middle_of_the_box_and_half_its_longest_edge():
    head = make_head(HeadConfig(kind="coords", normalisation="range"), 8)
    head.fit([torch.tensor([[-10.0, 0, 5], [30, 20, 5], [torch.nan] * 3]), torch.tensor([[0.0, 60, 7]])])
    normal = head.normalisation
    assert normal.centre.tolist() == [10, 30, 6]
    assert normal.scale.tolist() == [30, 0]
    prediction = normal.prediction(torch.tensor([[[0.0, 1, -1], [1, 0, 0]]]), torch.ones(1, 2, dtype=torch.bool))
    assert prediction.coords.tolist() == [[[10, 60, -24], [40, 30, 6]]]
    assert prediction.scale.tolist() == [30]
    assert not prediction.centred


def test_range_normalisation_lays_all_training_chains_in_minus_one_to_one_and_is_undone_exactly():
    torch.manual_seed(0)
    stretch, shift = torch.tensor([30.0, 20, 10]), torch.tensor([100.0, -40, 7])
    chains = [torch.randn(length, 3) * stretch + shift for length in (1, 12, 40)]
    chains[1][3] = torch.nan
    head = make_head(HeadConfig(kind="coords", normalisation="range"), 8)
    head.fit(chains)
    normal = head.normalisation
    values = [(chain - normal.centre) / normal.scale[0] for chain in chains]
    seen = torch.cat(values).nan_to_num()
    assert seen.abs().max() <= 1 + 1e-6
    assert (float(seen.min()), float(seen.max())) == pytest.approx((-1, 1), abs=1e-6), "its longest edge is used up"
    for chain, value in zip(chains, values, strict=True):
        prediction = normal.prediction(value[None], torch.ones(1, len(chain), dtype=torch.bool))
        assert torch.allclose(prediction.coords[0], chain, atol=1e-5, rtol=1e-6, equal_nan=True)


def test_normalisation_by_chain_takes_the_radius_that_the_length_lets_expect():
    head = make_head(HeadConfig(kind="coords", normalisation="chain"), 8)
    torch.manual_seed(0)
    chains = []
    for length in (20, 40, 80, 160):
        points = torch.randn(length, 3)
        points = points - points.mean(0)
        chains.append(points / points.square().mean().sqrt() * 2 * length**0.4 + 50)
    head.fit(chains)
    assert head.normalisation.scale.tolist() == pytest.approx([2.0, 0.4], rel=1e-3)
    prediction = head.normalisation.prediction(torch.ones(1, 40, 3), torch.ones(1, 40, dtype=torch.bool))
    assert float(prediction.scale) == pytest.approx(2 * 40**0.4, rel=1e-3)
    assert prediction.centred


@pytest.mark.parametrize(("kind", "pooled"), [("label_wise", 1), ("coordinate_wise", 0)])
def test_a_chain_that_is_too_long_for_a_head_of_fixed_length_is_named(kind: str, pooled: int):
    head = make_head(HeadConfig(kind=kind, max_length=4), 8)
    with pytest.raises(TooLongError, match=r"5 residues; set head\.max_length \(now 4\)"):
        head.fit([torch.zeros(5, 3)])
    with pytest.raises(TooLongError, match="6 residues"):
        head(torch.zeros(1, pooled + 6, 8), torch.ones(1, pooled + 6, dtype=torch.bool))


def test_the_label_wise_head_reads_the_largest_state_before_the_slots_as_a_token_of_its_own(small):
    network = shaken(small, {"kind": "label_wise"}, slots={"prompt": "ACW"})
    batch, heard, read = batch_of(small), [], []
    network.backbone.register_forward_hook(lambda *call: heard.append(call[2].last_hidden_state))
    network.head.register_forward_pre_hook(lambda _, given: read.append(given))
    with torch.no_grad():
        network(batch)
    (hidden,), ((states, mask),) = heard, read
    assert torch.equal(mask[:, 1:], batch.mask) and mask[:, 0].all()
    for row, sequence in enumerate(SEQUENCES):
        before, length = 3 + len(sequence), len(sequence)
        assert torch.equal(states[row, 0], hidden[row, :before].amax(0))
        assert not torch.equal(states[row, 0], hidden[row, 3:before].amax(0)), "the prompt counts too"
        assert torch.equal(states[row, 1 : 1 + length], hidden[row, before : before + length])


def label_wise_inputs(small):
    """Return a label-wise head whose layers are not those of the start, and random states and mask for two chains."""
    head = shaken(small, {"kind": "label_wise", "max_length": 14}).head
    mask = torch.ones(2, 1 + 7, dtype=torch.bool)
    mask[1, 1 + 4 :] = False
    return head, torch.randn(2, 1 + 7, head.norm.normalized_shape[0]), mask


@torch.no_grad()
def test_the_pooled_prompt_and_each_slot_reach_every_residue_and_padding_none(small):
    head, states, mask = label_wise_inputs(small)
    before = head(states, mask).coords
    for token in range(states.shape[1]):
        changed = states.clone()
        changed[:, token] = torch.randn_like(changed[:, token])
        moved = (head(changed, mask).coords - before).abs().amax(-1) > 0
        assert moved[0].all()
        assert bool(moved[1].all()) is bool(moved[1].any()) is bool(mask[1, token])


@torch.no_grad()
def test_each_residue_has_one_query_and_all_share_one_layer(small):
    head, states, mask = label_wise_inputs(small)
    size = states.shape[-1]
    shapes = {name: tuple(parameter.shape) for name, parameter in head.named_parameters() if "norm" not in name}
    assert shapes == {"queries": (14, size), "project.weight": (3, size), "project.bias": (3,)}
    before = head(states, mask).coords
    head.queries[5] += torch.randn(size)
    moved = (head(states, mask).coords - before).abs() > 0
    assert moved[0].all(-1).tolist() == [place == 5 for place in range(7)]
    assert moved[0].any(-1).tolist() == [place == 5 for place in range(7)]
    before = head(states, mask).coords
    head.project.bias[1] += 1
    shift = head.normalisation.scale[0] * torch.tensor([0.0, 1, 0])
    assert torch.allclose(head(states, mask).coords - before, shift, atol=1e-4)


@torch.no_grad()
def test_a_query_of_zeros_takes_the_plain_mean_of_the_pooled_prompt_and_the_slots(small):
    head, states, mask = label_wise_inputs(small)
    head.queries.zero_()
    coords = head(states, mask).coords
    for row in range(len(states)):
        mean = head.norm(states[row, mask[row]]).mean(0)
        expected = head.project(mean) * head.normalisation.scale[0] + head.normalisation.centre
        assert torch.allclose(coords[row], expected.expand_as(coords[row]), atol=1e-4)


def test_the_egnn_turns_moves_and_mirrors_with_its_input():
    """So it cannot tell the two hands apart, as its head says."""
    torch.manual_seed(0)
    layer = Layer(16, last=True)
    torch.nn.init.normal_(layer.pull.weight)
    trace, features, mask = torch.randn(1, 9, 3), torch.randn(1, 9, 16), torch.ones(1, 9, dtype=torch.bool)
    axes = torch.linalg.qr(torch.randn(3, 3))[0]
    assert abs(float(torch.det(axes))) == pytest.approx(1, abs=1e-5)
    shift = torch.tensor([1.0, -2, 3])
    for turn in (axes, axes * axes.new_tensor([1, 1, -1])):
        with torch.no_grad():
            moved, _ = layer(trace, features, mask)
            again, _ = layer(trace @ turn + shift, features, mask)
        assert not torch.allclose(moved, trace, atol=1e-2)
        assert torch.allclose(again, moved @ turn + shift, atol=1e-4)


def test_refined_distances_are_those_of_points_in_space(small):
    network = shaken(small, {"kind": "equivariant"})
    with torch.no_grad():
        distances = network(batch_of(small, (SEQUENCES[1],))).distances.double()
    points = classical_mds(distances)
    assert torch.allclose(torch.cdist(points, points), distances, atol=1e-2)


def test_the_heads_are_fed_residues_in_their_place(small):
    """A head that mixed up rows would pass tests of shape: here one slot state is changed, and one row moves."""
    network = shaken(small, {"kind": "distogram"})
    batch = batch_of(small, (SEQUENCES[1],))
    with torch.no_grad():
        states = network.slot_states(batch.residues, batch.lengths)
        before = network.head(states, batch.mask).logits
        states[0, 5] = torch.randn(states.shape[-1])
        moved = (network.head(states, batch.mask).logits - before).abs().amax(-1)[0] > 1e-6
    assert torch.equal(moved, (pair_index(len(SEQUENCES[1]), moved.device) == 5).any(0))


def test_the_median_of_a_distogram_is_that_of_its_bins():
    logits = torch.full((4, BINS), -1e4)
    logits[0, 10] = 0.0  # all in one bin: its middle
    logits[1, 10], logits[1, 40] = math.log(0.6), math.log(0.4)  # torn: within the likelier bin, at 5/6 of it
    logits[2, -2] = 0.0
    logits[3, 10], logits[3, -1] = math.log(0.3), math.log(0.7)  # beyond: the mean that is given
    distances = median(logits, torch.tensor([0.0, 0.0, 0.0, 35.0]))
    lower = float(edges()[9])
    assert distances.tolist() == pytest.approx(
        [lower + WIDTH / 2, lower + WIDTH * 5 / 6, LAST - WIDE / 2, 35.0], abs=1e-4
    )


def test_what_is_written_down_is_the_median_and_what_losses_see_is_the_mean(small):
    network = shaken(small, {"kind": "distogram"})
    with torch.no_grad():
        prediction = network(batch_of(small))
    assert torch.equal(prediction.point, prediction.median)
    assert not torch.equal(prediction.point, prediction.distances)
    with torch.no_grad():
        refined = shaken(small, {"kind": "equivariant"})(batch_of(small))
    assert torch.equal(refined.point, refined.distances)


def test_a_head_gets_the_settings_that_it_names_and_its_own_options_are_checked():
    head = make_head(HeadConfig(kind="distance", width=12, max_separation=5), 8)
    assert (head.pairs.project.out_features, head.pairs.exact) == (24, 5)
    with pytest.raises(PartError, match=r"head\.options: .*distance takes no depth; it takes width"):
        make_head(HeadConfig(kind="distance", options={"depth": 3}), 8)
