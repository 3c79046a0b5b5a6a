from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import evaluate
from proteinmtp.base.errors import DataError
from proteinmtp.base.metrics import NAMES, PROFILES
from proteinmtp.geometry.distances import pack_upper
from proteinmtp.scoring.chain import score_chain
from proteinmtp.scoring.evaluation import Case, Predicted, score_case
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import CHAINS, ChainRow, ChainTrace
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT, SplitRow
from proteinmtp.tables.traces import TRACES, TraceRow


def matrix_of(coords: np.ndarray) -> np.ndarray:
    return np.linalg.norm(coords[:, None] - coords[None], axis=-1)


def walk(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(length, 3)).cumsum(0) * 3


def test_only_observed_residues_count():
    native = walk(20)
    hidden = native.copy()
    hidden[[3, 9]] = np.nan
    model, wrong = native.copy(), matrix_of(native)
    model[[3, 9]] += 50
    wrong[[3, 9]] += 50
    scores = score_chain(model, hidden, predicted=pack_upper(wrong)).scores
    assert scores["mae"] == pytest.approx(0, abs=1e-5)
    assert scores["rmsd"] == pytest.approx(0, abs=1e-4)
    assert scores["tm_score"] == scores["lddt"] == pytest.approx(1)
    nothing = score_chain(model, np.full((20, 3), np.nan), predicted=pack_upper(wrong))
    assert nothing.scores == dict.fromkeys(NAMES) and nothing.profiles == dict.fromkeys(PROFILES)


def test_distance_errors_are_over_pairs():
    native = np.array([[0.0, 0, 0], [3, 0, 0], [6, 0, 0]])
    predicted = np.array([[0.0, 4, 6], [4, 0, 3], [6, 3, 0]])
    scores = score_chain(native, native, predicted=pack_upper(predicted)).scores
    assert scores["mae"] == pytest.approx(1 / 3)
    assert scores["rmse"] == pytest.approx(3**-0.5)


def test_a_model_with_too_few_residues_has_scores_of_zero_and_no_rmsd():
    native = walk(20)
    model = np.full((20, 3), np.nan)
    model[:2] = native[:2]
    scores = score_chain(model, native).scores
    assert (scores["tm_score"], scores["gdt_ts"], scores["gdt_ha"]) == (0, 0, 0)
    assert scores["rmsd"] is scores["clashes"] is scores["radius_of_gyration"] is None
    assert scores["mae"] == pytest.approx(0, abs=1e-5)  # of the one pair that is left


def case(name: str, *, error: float = 0.0, failed: int | None = None, residues: int = 30) -> Case:
    """A walk whose first two residues were not observed, and a model of it with so much noise."""
    native, noise = walk(residues), np.random.default_rng(1).normal(size=(residues, 3))
    model = native + error * noise
    native = native.astype(np.float32)
    native[:2] = np.nan
    return Case(
        native=ChainTrace(name, "A" * residues, native),
        cluster_id=f"cluster of {name}",
        predicted=Predicted(name, triangle.pack(matrix_of(model)), None, failed),
        trace=TraceRow(
            chain_id=name,
            length=residues,
            coords=model.astype(np.float32),
            method="mds",
            stress=0.5,
            mirror_margin=1.5,
            mixed_hand=0.25,
            error_reach=None,
            confidence=np.arange(residues, dtype=np.float32),
        ),
    )


def test_a_row_of_scores_says_whose_they_are_and_how_the_trace_was_rebuilt():
    row = score_case("a", case("x", failed=3))
    assert (row.run, row.chain_id, row.cluster_id, row.length, row.observed) == ("a", "x", "cluster of x", 30, 28)
    assert (row.stress, row.mirror_margin, row.mixed_hand, row.error_reach) == (0.5, 1.5, 0.25, None)
    assert row.confidence.tolist() == list(range(2, 30))  # of the observed residues
    assert row.scores["parse_failures"] == pytest.approx(0.1)
    assert row.scores["tm_score"] == pytest.approx(1) and len(row.profiles["lddt_residues"]) == 28
    assert score_case("a", case("x")).scores["parse_failures"] is None


def written(folder: Path, *, chains: str, predicted: str, rebuilt: str) -> evaluate.Inputs:
    """Write a shard of chains, of predictions and of traces, a letter for each chain in the order of its table."""
    table = {name: Shards(folder / name, 1) for name in ("chains", "predictions", "traces")}
    cases = {name: case(name) for name in chains}
    CHAINS.write(table["chains"][0], (chain_row(cases[name].native) for name in chains))
    PREDICTIONS.write(
        table["predictions"][0],
        (PredictionRow(chain_id=name, length=30, triu=cases[name].predicted.triu) for name in predicted),
    )
    TRACES.write(table["traces"][0], (cases[name].trace for name in rebuilt))
    SPLIT.write(
        folder / "split",
        (
            SplitRow(chain_id=name, cluster_id=f"cluster of {name}", length=30, train=False, val=False, test=True)
            for name in sorted(chains)
        ),
    )
    return evaluate.Inputs(**table, split=folder / "split")


def chain_row(native: ChainTrace) -> ChainRow:
    return ChainRow(
        chain_id=native.chain_id,
        entry_id=native.chain_id,
        chain="A",
        sequence=native.sequence,
        length=len(native),
        coords=native.coords,
        observed=np.isfinite(native.coords).all(1),
        resolution=None,
        method=None,
        year=None,
        affinity=None,
        uniprot=None,
        copies=1,
        breaks=0,
        source_sha256="",
    )


def test_chains_are_scored_in_the_order_of_their_table_whether_all_are_predicted_or_not(tmp_path: Path):
    inputs = written(tmp_path, chains="cadb", predicted="cdb", rebuilt="cdb")
    evaluate.run(inputs, evaluate.Outputs(metrics=tmp_path / "metrics"), evaluate.Options(run="a"))
    rows = list(METRICS.read(tmp_path / "metrics"))
    assert [(row.chain_id, row.cluster_id) for row in rows] == [(name, f"cluster of {name}") for name in "cdb"]
    assert all(row.scores["tm_score"] == pytest.approx(1) for row in rows)


@pytest.mark.parametrize(("predicted", "rebuilt"), [("bc", "bc"), ("cb", "bc"), ("cx", "cx")])
def test_tables_that_do_not_belong_together_are_a_mistake_that_names_them(tmp_path: Path, predicted: str, rebuilt: str):
    known = written(tmp_path / "known", chains="cabx", predicted=predicted, rebuilt=rebuilt)
    inputs = written(tmp_path / "given", chains="cab", predicted="", rebuilt="")
    inputs = replace(inputs, predictions=known.predictions, traces=known.traces)
    with pytest.raises(
        DataError, match=r"predictions/000\.parquet and .*traces/000\.parquet do not have the chains of"
    ):
        evaluate.run(inputs, evaluate.Outputs(metrics=tmp_path / "metrics"), evaluate.Options(run="a"))
    assert not (tmp_path / "metrics").exists()
