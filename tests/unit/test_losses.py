"""Each loss: against a formula written out with loops, its gradient against finite differences, and what must not
count."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from proteinmtp.base.errors import PartError
from proteinmtp.base.plugins import names
from proteinmtp.config import ConfigError, LossConfig, LossTerm
from proteinmtp.geometry.bins import BINS, edges
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.batch import Batch
from proteinmtp.model.build import make_terms
from proteinmtp.model.loss import PairLoss
from proteinmtp.model.parts import LOSSES
from proteinmtp.model.prediction import PairPrediction
from proteinmtp.predictors.catalogue import parse_config

LENGTHS = (7, 5)
UNSEEN = (0, 3)
"""Chain and residue without coordinates."""


PAIRS = list(combinations(range(7), 2))


def loss_of(name: str, **options: float) -> PairLoss:
    """Return a loss made from its settings."""
    (term,) = make_terms(LossConfig(terms=[LossTerm(name=name)], **({"delta": 2.0, "clamp": 10.0} | options)))
    assert (term.name, term.weight) == (name, 1.0)
    return term.loss


def changed(prediction: PairPrediction, field: str, value: torch.Tensor) -> PairPrediction:
    """Return the prediction with another value of a field or of a readout."""
    if field in prediction.readouts:
        return replace(prediction, readouts=dict(prediction.readouts) | {field: value})
    return replace(prediction, **{field: value})


def value_of(prediction: PairPrediction, field: str) -> torch.Tensor:
    """Return a copy of a field or of a readout, with a gradient."""
    value = prediction.readouts[field] if field in prediction.readouts else getattr(prediction, field)
    return value.clone().requires_grad_()


def example() -> tuple[Batch, PairPrediction]:
    """Two chains, one residue not observed, one padded; a prediction in double precision with gradients."""
    generator = torch.Generator().manual_seed(3)
    coords = 3 * torch.randn(2, 7, 3, generator=generator, dtype=torch.float64).cumsum(1)
    coords[UNSEEN] = torch.nan
    coords[1, LENGTHS[1] :] = torch.nan
    lengths = torch.tensor(LENGTHS)
    batch = Batch(
        residues=torch.zeros(2, 7, dtype=torch.long),
        lengths=lengths,
        coords=coords,
        distances=pairwise_distances(coords),
    )
    trace = 3 * torch.randn(2, 7, 3, generator=generator, dtype=torch.float64).cumsum(1)
    distances = pairwise_distances(3 * torch.randn(2, 7, 3, generator=generator, dtype=torch.float64).cumsum(1))
    prediction = PairPrediction(
        distances=distances,
        logits=torch.randn(2, 21, BINS, generator=generator, dtype=torch.float64),
        coords=trace,
        scale=torch.tensor([5.0, 7.0], dtype=torch.float64),
        readouts={
            "dihedral": torch.randn(2, 7, 36, generator=generator, dtype=torch.float64),
            "confidence": torch.randn(2, 7, generator=generator, dtype=torch.float64),
        },
    )
    return batch, prediction


def pairs_of(batch: Batch, chain: int) -> list[tuple[int, int]]:
    seen = [i for i in range(7) if bool(torch.isfinite(batch.coords[chain, i]).all())]
    return [(i, j) for i in seen for j in seen if i != j]


def mean_over_pairs(value: Callable[[float, float, int], float]) -> Callable[[Batch, PairPrediction, int], float]:
    def formula(batch: Batch, prediction: PairPrediction, chain: int) -> float:
        values = [
            value(float(prediction.distances[chain, i, j]), float(batch.distances[chain, i, j]), abs(i - j))
            for i, j in pairs_of(batch, chain)
        ]
        return float(np.mean(values))

    return formula


def huber(d: float, true: float, _: int) -> float:
    off, limit = abs(d - true) / 10, 0.2
    return off**2 / 2 if off <= limit else limit * (off - limit / 2)


def by_separation(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    groups: dict[int, list[float]] = {}
    for i, j in pairs_of(batch, chain):
        off = float(prediction.distances[chain, i, j] - batch.distances[chain, i, j])
        groups.setdefault(abs(i - j), []).append((off / 10) ** 2)
    return float(np.mean([np.mean(group) for group in groups.values()]))


def distogram(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    values = []
    for i, j in pairs_of(batch, chain):
        if i > j:
            continue
        place = int((edges() < batch.distances[chain, i, j]).sum())
        logits = prediction.logits[chain, PAIRS.index((i, j))].numpy()
        values.append(np.log(np.exp(logits).sum()) - logits[place])
    return float(np.mean(values)) / 3


def smooth_lddt(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    values = []
    for i, j in pairs_of(batch, chain):
        if float(batch.distances[chain, i, j]) < 15:
            off = abs(float(prediction.distances[chain, i, j] - batch.distances[chain, i, j]))
            values.append(np.mean([1 / (1 + math.exp(off - t)) for t in (0.5, 1, 2, 4)]))
    return 1 - float(np.mean(values))


def drmsd(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    return math.sqrt(mean_over_pairs(lambda d, t, _: ((d - t) / 10) ** 2)(batch, prediction, chain) + 1e-6) - 1e-3


def coordinates(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    seen = batch.observed[chain]
    off = (prediction.coords[chain][seen] - batch.coords[chain][seen]) / prediction.scale[chain]
    return float(off.square().mean())


def fape(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    """Frames one by one: e1 to the next atom, e2 in the plane of the one before, e3 across."""

    def places(coords: np.ndarray, i: int) -> np.ndarray:
        e1 = coords[i + 1] - coords[i]
        e1 = e1 / np.linalg.norm(e1)
        back = coords[i - 1] - coords[i]
        e2 = back - back @ e1 * e1
        e2 = e2 / np.linalg.norm(e2)
        return (coords - coords[i]) @ np.stack([e1, e2, np.cross(e1, e2)], axis=1)

    seen = batch.observed[chain].numpy()
    true, predicted = batch.coords[chain].numpy(), prediction.coords[chain].numpy()
    errors = []
    for i in range(1, 6):
        if seen[i - 1 : i + 2].all():
            off = np.linalg.norm(places(predicted, i) - places(true, i), axis=1)[seen]
            errors.extend(np.minimum(off, 10) / 10)
    return float(np.mean(errors))


def dihedral(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    values = []
    for i in range(4):
        a, b, c, d = batch.coords[chain, i : i + 4].numpy()
        if not np.isfinite([a, b, c, d]).all():
            continue
        n1, n2 = np.cross(b - a, c - b), np.cross(c - b, d - c)
        angle = math.atan2(np.cross(n1, n2) @ (c - b) / np.linalg.norm(c - b), n1 @ n2)
        logits = prediction.readouts["dihedral"][chain, i].numpy()
        values.append(np.log(np.exp(logits).sum()) - logits[int((math.degrees(angle) + 180) // 10)])
    return float(np.mean(values)) / math.log(36) if values else 0.0


def confidence(batch: Batch, prediction: PairPrediction, chain: int) -> float:
    values = []
    for i in range(7):
        near = [(j, float(batch.distances[chain, i, j])) for k, j in pairs_of(batch, chain) if k == i]
        near = [(j, true) for j, true in near if true < 15]
        if near:
            off = [abs(float(prediction.distances[chain, i, j]) - true) for j, true in near]
            target = np.mean([[o < t for t in (0.5, 1, 2, 4)] for o in off])
            expected = 1 / (1 + math.exp(-float(prediction.readouts["confidence"][chain, i])))
            values.append(-target * math.log(expected) - (1 - target) * math.log(1 - expected))
    return float(np.mean(values))


FORMULAS = {
    "mse": mean_over_pairs(lambda d, t, _: ((d - t) / 10) ** 2),
    "huber": mean_over_pairs(huber),
    "log": mean_over_pairs(lambda d, t, _: (math.log(d + 1) - math.log(t + 1)) ** 2),
    "inverse": mean_over_pairs(lambda d, t, _: (10 / (d + 1) - 10 / (t + 1)) ** 2),
    "separation": by_separation,
    "distogram": distogram,
    "smooth_lddt": smooth_lddt,
    "drmsd": drmsd,
    "coordinates": coordinates,
    "fape": fape,
    "dihedral": dihedral,
    "confidence": confidence,
}

INPUTS = {"coordinates": "coords", "fape": "coords", "distogram": "logits"} | {
    name: name for name in ("dihedral", "confidence")
}
"""The field of the prediction that a loss reads; the others read distances."""


def test_every_loss_has_a_formula_here():
    assert set(FORMULAS) == set(names(LOSSES)) - {"text"}, "that of the writer is in test_writer"


@pytest.mark.parametrize("name", FORMULAS)
def test_a_loss_is_that_of_its_formula(name: str):
    batch, prediction = example()
    values = loss_of(name)(prediction, batch)
    assert values.shape == (2,)
    for chain in range(2):
        # FAPE has a small number under its roots, which shows in the third digit.
        assert float(values[chain]) == pytest.approx(FORMULAS[name](batch, prediction, chain), rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_gradient_is_that_of_finite_differences(name: str):
    batch, prediction = example()
    field = INPUTS.get(name, "distances")
    value = value_of(prediction, field)
    part = loss_of(name)

    def loss(value: torch.Tensor) -> torch.Tensor:
        return part(changed(prediction, field, value), batch)

    assert torch.autograd.gradcheck(loss, (value,), eps=1e-6, atol=1e-5, rtol=1e-3, fast_mode=name == "distogram")
    (gradient,) = torch.autograd.grad(loss(value).sum(), value)
    assert gradient.any()


@pytest.mark.parametrize("name", FORMULAS)
def test_what_was_not_observed_and_the_padding_do_not_count(name: str):
    batch, prediction = example()
    field = INPUTS.get(name, "distances")
    value = value_of(prediction, field)
    loss = loss_of(name)(changed(prediction, field, value), batch)
    assert loss.isfinite().all()
    (gradient,) = torch.autograd.grad(loss.sum(), value)
    assert gradient.isfinite().all()
    if name == "distogram":
        unseen, dead = ([n for n, pair in enumerate(PAIRS) if set(pair) & lost] for lost in ({UNSEEN[1]}, {5, 6}))
    elif name == "dihedral":  # of four atoms each
        unseen, dead = slice(4), slice(LENGTHS[1] - 3, None)
    else:
        unseen, dead = UNSEEN[1], slice(LENGTHS[1], None)
    assert not gradient[0, unseen].any()
    assert not gradient[1, dead].any()
    if name not in ("dihedral", "confidence", "fape"):
        assert gradient[0, 1].any()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_chain_without_anything_observed_has_no_loss_and_no_gradient(name: str):
    batch, prediction = example()
    batch.coords[:] = torch.nan
    batch.distances[:] = torch.nan
    field = INPUTS.get(name, "distances")
    value = value_of(prediction, field)
    loss = loss_of(name)(changed(prediction, field, value), batch)
    assert not loss.any()
    (gradient,) = torch.autograd.grad(loss.sum(), value, allow_unused=True)
    assert gradient is None or not gradient.any()


@pytest.mark.parametrize("name", ["mse", "huber", "log", "inverse", "separation", "drmsd", "smooth_lddt"])
def test_a_perfect_prediction_has_the_least_loss(name: str):
    batch, prediction = example()
    perfect = PairPrediction(distances=batch.distances.nan_to_num())
    part = loss_of(name)
    least = part(perfect, batch)
    assert (least < part(prediction, batch)).all()
    if name != "smooth_lddt":
        assert torch.allclose(least, torch.zeros_like(least), atol=1e-9)


def test_fape_knows_the_hand_and_not_the_place():
    true = 3 * torch.randn(1, 12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).cumsum(1)
    batch = Batch(
        residues=torch.zeros(1, 12, dtype=torch.long),
        lengths=torch.tensor([12]),
        coords=true,
        distances=pairwise_distances(true),
    )
    axes = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    axes = axes * torch.det(axes)
    part = loss_of("fape")

    def loss(coords: torch.Tensor) -> float:
        return float(part(PairPrediction(distances=pairwise_distances(coords), coords=coords), batch))

    assert loss(true @ axes + 5) == pytest.approx(0, abs=1e-6)
    assert loss(true * true.new_tensor([1, 1, -1])) > 0.05


def test_coordinates_of_centred_heads_are_compared_around_their_mean():
    batch, prediction = example()
    prediction = replace(prediction, centred=True)
    part = loss_of("coordinates")
    before = part(prediction, batch)
    batch = replace(batch, coords=batch.coords + 100)
    assert torch.allclose(part(prediction, batch), before)


def test_a_loss_that_the_head_does_not_feed_is_refused_before_any_job():
    with pytest.raises(ConfigError, match="fape needs coords, which the head distogram does not give"):
        parse_config({"runs": [{"name": "a", "head": {"kind": "distogram"}, "loss": {"terms": [{"name": "fape"}]}}]})
    with pytest.raises(ConfigError, match="names must differ"):
        parse_config({"defaults": {"loss": {"terms": [{"name": "mse"}, {"name": "mse", "weight": 2.0}]}}})
    with pytest.raises(ConfigError, match="at least one part"):
        parse_config({"defaults": {"loss": {"terms": []}}})
    with pytest.raises(ConfigError, match="did you mean 'huber'"):
        parse_config({"defaults": {"loss": {"terms": [{"name": "hubber"}]}}})


def test_options_of_a_loss_are_those_of_the_section_and_of_its_term():
    assert (loss_of("huber", delta=3.0).delta, loss_of("fape", clamp=5.0).clamp) == (3.0, 5.0)
    with pytest.raises(PartError, match=r"loss\.terms \(huber\)\.options: .* takes no beta; it takes delta"):
        make_terms(LossConfig(terms=[LossTerm(name="huber", options={"beta": 1.0})]))


def test_losses_whose_readouts_would_share_a_name_are_refused():
    terms = [LossTerm(name="dihedral"), LossTerm(name="proteinmtp.model.losses.dihedral")]
    with pytest.raises(PartError, match=r"two losses are called dihedral"):
        make_terms(LossConfig(terms=terms))
