import numpy as np
import pytest

from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.scoring.confidence import trust
from proteinmtp.scoring.statistics import (
    Bootstrap,
    Summary,
    length_bin,
    paired_difference,
    summarise,
    summarise_by_length,
)
from proteinmtp.tables.metrics import MetricsRow

from ..support.score_rows import metrics_row

LDDT = next(metric for metric in METRICS_SHOWN if metric.name == "lddt")
MAE = next(metric for metric in METRICS_SHOWN if metric.name == "mae")


def drawing(unit: str = "cluster_id", samples: int = 1000, seed: int = 0) -> Bootstrap:
    return Bootstrap(unit=unit, samples=samples, seed=seed)


def scored(values, size: int = 1, names=None, run: str = "a") -> list[MetricsRow]:
    """Return rows with these values in two metrics, so many chains a cluster."""
    names = [str(at) for at in range(len(values))] if names is None else names
    return [
        metrics_row(name, run=run, cluster_id=str(at // size), scores={"lddt": value, "mae": value})
        for at, (name, value) in enumerate(zip(names, values, strict=True))
    ]


def test_bootstrap_intervals_cover_and_widen_with_clusters():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        values = rng.normal(5, 2, 40)
        summary = summarise(scored(values), "lddt", drawing(samples=400, seed=trial))
        covered += summary.low <= 5 <= summary.high
        assert summary.mean == pytest.approx(values.mean()) and summary.n == 40
    assert 0.88 < covered / 200 < 0.99
    twins = scored(np.repeat(rng.normal(5, 2, 20), 10), size=10)
    alone, together = (summarise(twins, "lddt", drawing(unit)) for unit in ("chain_id", "cluster_id"))
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_one_group_gives_no_interval():
    summary = summarise(scored([3.0, 3.2], size=2), "lddt", drawing())
    assert (summary.mean, summary.low, summary.high, summary.n) == (3.1, None, None, 2)


def test_missing_values_do_not_count():
    summary = summarise(scored([1.0, None, float("nan"), 3.0]), "lddt", drawing())
    assert (summary.mean, summary.median, summary.n) == (2.0, 2.0, 2)
    nothing = summarise(scored([None]), "lddt", drawing())
    assert nothing == Summary(None, None, None, None, 0)


def test_paired_differences_tell_apart_what_overlapping_intervals_do_not():
    """Chains differ by 5, the runs by 0.2: each mean is uncertain by more than 1, the difference by less than 0.1."""
    rng = np.random.default_rng(0)
    hard, noise = rng.normal(20, 5, 80), rng.normal(0.2, 0.1, 80)
    ours, theirs = scored(hard), scored(hard + noise)
    mine, yours = (summarise(rows, "mae", drawing()) for rows in (ours, theirs))
    assert mine.low < yours.low < mine.high < yours.high
    difference = paired_difference(MAE, drawing(), ours=ours, theirs=theirs)
    assert difference.verdict == "better than"
    assert difference.mean == pytest.approx(-noise.mean())
    assert difference.low < -noise.mean() < difference.high < 0
    assert difference.won == pytest.approx((noise > 0).mean())
    other_way = paired_difference(MAE, drawing(), ours=theirs, theirs=ours)
    assert (other_way.verdict, other_way.mean) == ("worse than", -difference.mean)
    assert other_way.won == pytest.approx(1 - difference.won)
    assert paired_difference(LDDT, drawing(), ours=ours, theirs=theirs).verdict == "worse than"


def test_a_paired_interval_widens_when_chains_of_a_cluster_move_together():
    rng = np.random.default_rng(0)
    ours, theirs = scored(np.repeat(rng.normal(0, 1, 20), 10), size=10), scored([0.0] * 200, size=10)
    alone, together = (
        paired_difference(LDDT, drawing(unit), ours=ours, theirs=theirs) for unit in ("chain_id", "cluster_id")
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_only_chains_that_both_have_count_in_a_pair_and_equal_ones_are_half_won():
    ours = scored([1.0, 2.0, None, 5.0, 3.0], names="abcde")
    theirs = scored([1.0, 3.0, 4.0, float("nan"), 9.0], names="abcdf")
    difference = paired_difference(MAE, drawing(), ours=ours, theirs=theirs)
    assert (difference.n, difference.mean, difference.won) == (2, -0.5, 0.75)
    nothing = paired_difference(MAE, drawing(), ours=scored([1.0], names="a"), theirs=scored([1.0], names="b"))
    assert (nothing.n, nothing.mean, nothing.verdict) == (0, None, None)


def several(truth: float, seeds: int, rng: np.random.Generator, *, chains: np.ndarray, run: str) -> list[MetricsRow]:
    """Return the scores of a run that is `truth` better on average, with noise of chains and of seeds."""
    rows = []
    for seed in range(seeds):
        values = chains + truth + rng.normal(0, 0.03) + rng.normal(0, 0.05, len(chains))
        rows += scored(values, run=run if seed == 0 else f"{run}-{seed + 1}")
    return rows


@pytest.mark.parametrize("seeds", [2, 4])
def test_intervals_over_seeds_cover_the_truth_and_those_of_one_seed_do_not(seeds: int):
    rng = np.random.default_rng(seeds)
    covered = {1: 0, seeds: 0}
    trials = 200
    for trial in range(trials):
        chains = rng.normal(0.5, 0.1, 100)
        for number in covered:
            ours, theirs = (several(0.0, number, rng, chains=chains, run=run) for run in "ab")
            difference = paired_difference(LDDT, drawing(samples=200, seed=trial), ours=ours, theirs=theirs)
            covered[number] += difference.low <= 0 <= difference.high
    assert covered[1] < 0.6 * trials
    assert 0.92 * trials <= covered[seeds]


def test_a_run_with_several_seeds_has_their_mean_and_their_spread():
    rows = scored([1.0, 2.0, None]) + scored([3.0, 4.0, 8.0], run="a-2")
    summary = summarise(rows, "lddt", drawing())
    assert (summary.mean, summary.median, summary.n, summary.seeds) == (pytest.approx(13 / 3), 3.0, 3, 2)
    assert summary.spread == pytest.approx(2**0.5)  # of 1.5 and 3.5: chains that every seed has
    alone = summarise(rows[:3], "lddt", drawing())
    assert (alone.spread, alone.seeds) == (None, 1)
    difference = paired_difference(LDDT, drawing(), ours=rows, theirs=scored([0.0, 0.0, 0.0], run="b"))
    assert difference.mean == summary.mean and difference.n == 3


def test_what_is_within_the_margin_is_as_good():
    chains, noise = np.linspace(0.3, 0.8, 100), np.random.default_rng(0).normal(0.004, 0.01, 100)
    rows = {"ours": scored(chains + noise), "theirs": scored(chains, run="b")}
    judged = Bootstrap(unit="chain_id", samples=500, seed=0, margin=0.01)
    assert paired_difference(LDDT, drawing(), **rows).verdict == "better than"
    assert paired_difference(LDDT, judged, **rows).verdict == "as good as"
    assert paired_difference(MAE, judged, **rows).verdict == "worse than"
    wide = {"ours": scored(chains + 10 * (noise - 0.004)), "theirs": rows["theirs"]}
    assert paired_difference(LDDT, judged, **wide).verdict == "not told apart from"


def test_a_difference_that_is_said_to_be_detectable_is_detected_in_four_of_five_repetitions():
    rng = np.random.default_rng(0)
    chains, told, trials = np.linspace(0.3, 0.8, 50), 0, 300
    aim = paired_difference(
        LDDT, drawing(), ours=scored(chains + rng.normal(0, 0.02, 50)), theirs=scored(chains, run="b")
    ).detectable
    for trial in range(trials):
        ours = scored(chains + rng.normal(aim, 0.02, 50))
        difference = paired_difference(
            LDDT, drawing(samples=200, seed=trial), ours=ours, theirs=scored(chains, run="b")
        )
        told += difference.verdict == "better than"
    assert 0.65 < told / trials < 0.92


def promised(confidence: list[float] | None, lddt: list[float]) -> MetricsRow:
    """Return a row with so many residues; the lDDT of the distances is all zero."""
    return metrics_row(
        scores={"lddt": float(np.nanmean(lddt)), "lddt_distances": 0.0},
        profiles={"lddt_residues": np.array(lddt), "lddt_distances_residues": np.zeros(len(lddt))},
        confidence=None if confidence is None else np.array(confidence),
    )


def test_confidence_that_comes_true_is_right_in_order_and_in_size():
    rng = np.random.default_rng(0)
    lddt = [rng.uniform(0, 1, 30) * share for share in (0.3, 0.6, 0.9, 1.0)]
    exact = trust([promised(list(100 * values), list(values)) for values in lddt], "lddt")
    assert (exact.chains, exact.residues) == (4, 120)
    assert exact.chains_correlation == exact.residues_correlation == pytest.approx(1)
    assert exact.error == pytest.approx(0) and exact.bias == pytest.approx(0)
    assert sum(item.n for item in exact.bins) == 120
    for item in exact.bins:
        assert item.n == 0 or item.predicted == pytest.approx(item.observed)
        assert item.n == 0 or item.low <= item.predicted < item.high
    boastful = trust([promised(list(100 * values + 7), list(values)) for values in lddt], "lddt")
    assert (boastful.error, boastful.bias) == pytest.approx((7, 7))
    assert boastful.residues_correlation == pytest.approx(1)


def test_chains_may_be_ordered_well_and_their_residues_badly():
    rows = [promised([60.0, 50, 40], [0.1, 0.2, 0.3]), promised([80.0, 70, 60], [0.4, 0.5, 0.6])]
    rows.append(promised([95.0, 90, 85], [0.7, 0.8, 0.9]))
    trusted = trust(rows, "lddt")
    assert trusted.chains_correlation == pytest.approx(1) and trusted.residues_correlation == pytest.approx(-1)


def test_what_confidence_does_not_tell_is_left_out():
    nothing = promised(None, [0.5, 0.5, 0.5])
    assert trust([nothing], "lddt") is None
    constant = promised([50.0, 50, 50], [0.1, 0.5, 0.9])
    trusted = trust([nothing, constant], "lddt")
    assert (trusted.chains, trusted.residues) == (1, 3)
    assert (trusted.chains_correlation, trusted.residues_correlation) == (None, None)
    gaps = promised([100.0, np.nan, 20, 30], [1.0, 0.5, np.nan, 0.3])
    trusted = trust([gaps], "lddt")
    assert (trusted.residues, trusted.error, trusted.bins[-1].n) == (2, pytest.approx(0), 1)
    assert trust([gaps], "lddt_distances").bias == pytest.approx(50)


def test_bins_of_length_meet_without_gap_or_overlap():
    lengths = [30, 99, 100, 199, 200, 299, 300, 512, 513, 4000]
    names = ["under 100", "100–199", "200–299", "300–512", "over 512"]
    assert [length_bin(length) for length in lengths] == [name for name in names for _ in range(2)]
    rows = [metrics_row(str(at), length=length, scores={"lddt": float(at)}) for at, length in enumerate(lengths)]
    summaries = summarise_by_length(rows, "lddt", drawing(samples=100))
    assert [summaries[name].mean for name in names] == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert summarise_by_length(rows[:1], "lddt", drawing(samples=100))["over 512"].n == 0
