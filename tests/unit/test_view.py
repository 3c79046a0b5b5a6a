"""What the report shows of chains: the same sample in every run, superposed, and without loss of what is predicted."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import view
from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT, SplitRow
from proteinmtp.tables.traces import TRACES, TraceRow
from proteinmtp.tables.views import VIEWS, ViewRow, sample

LENGTH = 12
ANGLE = np.deg2rad(70)
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])


def coords_of(chain: str) -> np.ndarray:
    return (np.random.default_rng(list(chain.encode())).normal(size=(LENGTH, 3)) * 3).cumsum(0)


def chain_row(chain: str) -> ChainRow:
    coords = coords_of(chain)
    coords[4] = np.nan
    return ChainRow(
        chain_id=chain, entry_id=chain, chain="A", sequence="ACDEFGHIKLMN", length=LENGTH, coords=coords,
        observed=np.isfinite(coords).all(1), resolution=None, method=None, year=None, affinity=None, uniprot=None,
        copies=None, breaks=None, source_sha256="",
    )  # fmt: skip


def trace_row(chain: str) -> TraceRow:
    return TraceRow(
        chain_id=chain, length=LENGTH, coords=coords_of(chain) @ TURN + 50, method="m", stress=0.0, mirror_margin=0.0,
        mixed_hand=0.0, error_reach=None, confidence=np.linspace(0, 100, LENGTH),
    )  # fmt: skip


def views(folder: Path, chains: list[str], *, shown: int, predicted: list[str] | None = None) -> list[ViewRow]:
    """Run the stage on two shards; chains of the test alone have the given names."""
    predicted = chains if predicted is None else predicted
    shards = {name: Shards(folder / name, 2) for name in ("chains", "predictions", "traces")}
    pairs = LENGTH * (LENGTH - 1) // 2
    for at in range(2):
        CHAINS.write(shards["chains"][at], [chain_row(chain) for chain in chains[at::2]])
        here = [chain for chain in chains[at::2] if chain in predicted]
        rows = [PredictionRow(chain_id=chain, length=LENGTH, triu=np.arange(pairs) / 8) for chain in here]
        PREDICTIONS.write(shards["predictions"][at], rows)
        TRACES.write(shards["traces"][at], [trace_row(chain) for chain in here])
    split = [
        SplitRow(chain_id=chain, cluster_id=chain, length=LENGTH, train=False, val=False, test=True) for chain in chains
    ]
    SPLIT.write(folder / "split.parquet", split)
    view.run(
        view.Inputs(**shards, split=folder / "split.parquet"),
        view.Outputs(views=folder / "views.parquet"),
        view.Options(run="a", subset="test", shown=shown),
    )
    return list(VIEWS.read(folder / "views.parquet"))


def test_a_trace_lies_on_the_experiment_and_predictions_are_as_they_were(tmp_path: Path):
    (row,) = views(tmp_path, ["x"], shown=5)
    seen = np.isfinite(row.native).all(1)
    assert seen.sum() == LENGTH - 1
    assert np.allclose(row.model[seen], row.native[seen], atol=1e-3) and np.isfinite(row.model).all()
    assert row.triu.tolist() == (np.arange(len(row.triu)) / 8).tolist()
    assert row.sigma is None and row.contact is None
    assert row.confidence.tolist() == np.linspace(0, 100, LENGTH).astype(np.float32).tolist()


def test_of_more_chains_than_are_shown_all_runs_have_the_same_ones(tmp_path: Path):
    chains = [f"chain{at}" for at in range(20)]
    shown = {row.chain_id for row in views(tmp_path / "a", chains, shown=7)}
    assert shown == set(sample(chains, 7)) and len(shown) == 7
    some = {row.chain_id for row in views(tmp_path / "b", chains, shown=7, predicted=chains[::2])}
    assert some == shown & set(chains[::2])


@pytest.mark.parametrize("size", [0, 1, 50])
def test_a_sample_does_not_depend_on_the_order_and_grows_by_adding(size: int):
    chains = [f"{at}" for at in range(30)]
    few, more = sample(chains, size), sample(chains[::-1], size + 3)
    assert few == sorted(few) == sample(set(chains), size) and set(few) <= set(more)
    assert len(few) == min(size, 30)
