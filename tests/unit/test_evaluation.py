import numpy as np
import pytest

from proteinmtp.scoring.confidence import trust
from proteinmtp.base.metrics import COLUMNS
from proteinmtp.scoring.chain import score_chain
from proteinmtp.scoring.statistics import length_bin, paired_difference, summarise, summarise_by_length
from proteinmtp.geometry.distances import pack_upper


def test_only_observed_residues_count():
    rng = np.random.default_rng(0)
    native = rng.normal(size=(20, 3)).cumsum(0) * 3
    distances = np.linalg.norm(native[:, None] - native[None], axis=-1)
    hidden = native.copy()
    hidden[[3, 9]] = np.nan
    model, wrong = native.copy(), distances.copy()
    model[[3, 9]] += 50
    wrong[[3, 9]] += 50
    scores = score_chain(pack_upper(wrong), model, hidden)
    assert scores["mae"] == pytest.approx(0, abs=1e-5)
    assert scores["rmsd"] == pytest.approx(0, abs=1e-4)
    assert scores["tm_score"] == scores["lddt"] == pytest.approx(1)
    assert score_chain(pack_upper(wrong), model, np.full((20, 3), np.nan)) == dict.fromkeys(COLUMNS)


def test_distance_errors_are_over_pairs():
    native = np.array([[0.0, 0, 0], [3, 0, 0], [6, 0, 0]])
    predicted = np.array([[0.0, 4, 6], [4, 0, 3], [6, 3, 0]])
    scores = score_chain(pack_upper(predicted), native, native)
    assert scores["mae"] == pytest.approx(1 / 3)
    assert scores["rmse"] == pytest.approx(3**-0.5)


def test_bootstrap_intervals_cover_and_widen_with_clusters():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        values = rng.normal(5, 2, 40)
        summary = summarise(list(values), [str(n) for n in range(40)], 400, trial)
        covered += summary.low <= 5 <= summary.high
        assert summary.mean == pytest.approx(values.mean()) and summary.n == 40
    assert 0.88 < covered / 200 < 0.99
    twins = np.repeat(rng.normal(5, 2, 20), 10)
    alone = summarise(list(twins), [str(n) for n in range(200)], 1000, 0)
    together = summarise(list(twins), [str(n // 10) for n in range(200)], 1000, 0)
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_one_group_gives_no_interval():
    summary = summarise([3.0, 3.2], ["a", "a"], 100, 0)
    assert (summary.mean, summary.low, summary.high, summary.n) == (3.1, None, None, 2)


def test_missing_values_do_not_count():
    summary = summarise([1.0, None, float("nan"), 3.0], list("abcd"), 100, 0)
    assert (summary.mean, summary.median, summary.n) == (2.0, 2.0, 2)
    assert summarise([None], ["a"], 100, 0).as_dict() == {
        "mean": None,
        "median": None,
        "low": None,
        "high": None,
        "n": 0,
    }


def test_paired_differences_tell_apart_what_overlapping_intervals_do_not():
    """Chains differ by 5, the runs by 0.2: each mean is uncertain by more than 1, the difference by less than 0.1."""
    rng = np.random.default_rng(0)
    hard, noise = rng.normal(20, 5, 80), rng.normal(0.2, 0.1, 80)
    names = [str(n) for n in range(80)]
    ours, theirs = dict(zip(names, hard, strict=True)), dict(zip(names, hard + noise, strict=True))
    mine, yours = (summarise(list(values.values()), names, 1000, 0) for values in (ours, theirs))
    assert mine.low < yours.low < mine.high < yours.high
    found = paired_difference(ours, theirs, dict(zip(names, names, strict=True)), True, 1000, 0)
    assert found.verdict == "better than"
    assert found.mean == pytest.approx(-noise.mean())
    assert found.low < -noise.mean() < found.high < 0
    assert found.won == pytest.approx((noise > 0).mean())
    other_way = paired_difference(theirs, ours, dict(zip(names, names, strict=True)), True, 1000, 0)
    assert (other_way.verdict, other_way.mean) == ("worse than", -found.mean)
    assert other_way.won == pytest.approx(1 - found.won)
    assert paired_difference(ours, theirs, dict(zip(names, names, strict=True)), False, 1000, 0).verdict == "worse than"


def test_a_paired_interval_widens_when_chains_of_a_cluster_move_together():
    rng = np.random.default_rng(0)
    shift = np.repeat(rng.normal(0, 1, 20), 10)
    names = [str(n) for n in range(200)]
    ours, theirs = dict(zip(names, shift, strict=True)), dict.fromkeys(names, 0.0)
    alone, together = (
        paired_difference(ours, theirs, {name: str(int(name) // size) for name in names}, False, 1000, 0)
        for size in (1, 10)
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_only_chains_that_both_have_count_in_a_pair_and_equal_ones_are_half_won():
    ours = {"a": 1.0, "b": 2.0, "c": None, "d": 5.0, "e": 3.0}
    theirs = {"a": 1.0, "b": 3.0, "c": 4.0, "d": float("nan"), "f": 9.0}
    found = paired_difference(ours, theirs, {"a": "a", "b": "b"}, True, 100, 0)
    assert (found.n, found.mean, found.won) == (2, -0.5, 0.75)
    nothing = paired_difference({"a": 1.0}, {"b": 1.0}, {}, True, 100, 0)
    assert (nothing.n, nothing.mean, nothing.verdict) == (0, None, None)


def promised(confidence: list[float] | None, lddt: list[float]) -> dict:
    """Return a row of the table of scores with so many residues; the lDDT of the distances is all zero."""
    scores = {"lddt": float(np.nanmean(lddt)), "lddt_residues": np.array(lddt)}
    return scores | {"confidence": confidence, "lddt_distances": 0.0, "lddt_distances_residues": np.zeros(len(lddt))}


def test_confidence_that_comes_true_is_right_in_order_and_in_size():
    rng = np.random.default_rng(0)
    lddt = [rng.uniform(0, 1, 30) * share for share in (0.3, 0.6, 0.9, 1.0)]
    exact = trust([promised(list(100 * values), list(values)) for values in lddt], "lddt")
    assert (exact.chains, exact.residues) == (4, 120)
    assert exact.chains_correlation == exact.residues_correlation == pytest.approx(1)
    assert exact.error == pytest.approx(0) and exact.bias == pytest.approx(0)
    assert sum(item.n for item in exact.bins) == 120
    for item in exact.bins:
        assert item.n == 0 or item.predicted == pytest.approx(item.found)
        assert item.n == 0 or item.low <= item.predicted < item.high
    boastful = trust([promised(list(100 * values + 7), list(values)) for values in lddt], "lddt")
    assert (boastful.error, boastful.bias) == pytest.approx((7, 7))
    assert boastful.residues_correlation == pytest.approx(1)


def test_chains_may_be_ordered_well_and_their_residues_badly():
    rows = [promised([60.0, 50, 40], [0.1, 0.2, 0.3]), promised([80.0, 70, 60], [0.4, 0.5, 0.6])]
    rows.append(promised([95.0, 90, 85], [0.7, 0.8, 0.9]))
    found = trust(rows, "lddt")
    assert found.chains_correlation == pytest.approx(1) and found.residues_correlation == pytest.approx(-1)


def test_what_confidence_does_not_tell_is_left_out():
    nothing = promised(None, [0.5, 0.5, 0.5])
    assert trust([nothing], "lddt") is None
    constant = promised([50.0, 50, 50], [0.1, 0.5, 0.9])
    found = trust([nothing, constant], "lddt")
    assert (found.chains, found.residues, found.chains_correlation, found.residues_correlation) == (1, 3, None, None)
    gaps = promised([100.0, np.nan, 20, 30], [1.0, 0.5, np.nan, 0.3])
    found = trust([gaps], "lddt")
    assert (found.residues, found.error, found.bins[-1].n) == (2, pytest.approx(0), 1)
    assert trust([gaps], "lddt_distances").bias == pytest.approx(50)


def test_bins_of_length_meet_without_gap_or_overlap():
    lengths = [30, 99, 100, 199, 200, 299, 300, 512, 513, 4000]
    names = ["under 100", "100–199", "200–299", "300–512", "over 512"]
    assert [length_bin(length) for length in lengths] == [name for name in names for _ in range(2)]
    found = summarise_by_length([float(n) for n in range(10)], lengths, list("abcdefghij"), 100, 0)
    assert [found[name].mean for name in names] == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert summarise_by_length([1.0], [50], ["a"], 100, 0)["over 512"].n == 0
