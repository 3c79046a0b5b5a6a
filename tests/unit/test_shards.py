"""Many shards in the stages that take all of them in one command: the command line holds no list of files."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline import reconstruct
from proteinmtp.config import ReconstructConfig
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.parquet import Table, count_rows
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.tables.traces import TRACES

from ..support.small import SmallData

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shards")]
"""One process makes the results of many shards, once."""

MANY = 99
FILLED = (3, MANY - 1)
"""Which of the many shards are not empty, the last among them."""

NULL = "proteinmtp.predictors.nulls.separation"
SUBSET = "test"


def run(root: Path, stage: str, **flags: Path | Shards | str) -> None:
    """Run a stage as its rule does."""
    command = [sys.executable, "-m", "pipeline", stage]
    for name, value in flags.items():
        command += [f"--{name}", str(value)]
    assert len(" ".join(command)) < 2000
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def spread(few: Sequence[Path], empty: Path, folder: Path) -> Shards:
    """Return many shards: those of `few` at the places `FILLED`, copies of `empty` at all others."""
    folder.mkdir()
    many = Shards(folder, MANY)
    filled = dict(zip(FILLED, few, strict=True))
    for place, shard in enumerate(many):
        shutil.copyfile(filled.get(place, empty), shard)
    return many


def empty_table(table: Table, path: Path) -> Path:
    table.write(path, [])
    return path


@dataclass(frozen=True, kw_only=True)
class Results:
    """What the stages made of some shards of chains and of distances."""

    split: Path
    relatives: Path
    summary: Path
    hand: Path
    fitted: Path
    predictions: Shards
    metrics: Path
    views: Path


def results(root: Path, folder: Path, *, chains: Shards, distances: Shards, quarantine: Shards) -> Results:
    """Run the stages from split to evaluate, each over all shards; only the shards that are not empty are rebuilt."""
    made = Results(
        split=folder / "split.parquet",
        relatives=folder / "relatives.parquet",
        summary=folder / "split.json",
        hand=folder / "hand.json",
        fitted=folder / "fitted.parquet",
        predictions=Shards(folder / "predictions", len(chains)),
        metrics=folder / "metrics.parquet",
        views=folder / "views.parquet",
    )
    run(
        root, "split",
        chains=chains, quarantine=quarantine,
        split=made.split, relatives=made.relatives, summary=made.summary, options='{"split": {}}', seed="0",
    )  # fmt: skip
    run(root, "chirality", chains=chains, split=made.split, hand=made.hand)
    subset = {"null": NULL, "subset": SUBSET}
    run(root, "fit_null", chains=chains, distances=distances, split=made.split, fitted=made.fitted, **subset)
    run(
        root, "predict_null",
        fitted=made.fitted, chains=chains, split=made.split, predictions=made.predictions, **subset,
    )  # fmt: skip
    empty = empty_table(TRACES, folder / "no-traces.parquet")
    traces = Shards(folder / "traces", len(chains))
    traces.folder.mkdir()
    for predicted, sequences, rebuilt in zip(made.predictions, chains, traces, strict=True):
        if count_rows(predicted):
            rebuild(predicted, sequences, made.hand, rebuilt)
        else:
            shutil.copyfile(empty, rebuilt)
    run(
        root, "evaluate",
        predictions=made.predictions, traces=traces, chains=chains, split=made.split,
        metrics=made.metrics, run="null",
    )  # fmt: skip
    run(
        root, "view",
        predictions=made.predictions, traces=traces, chains=chains, split=made.split, views=made.views,
        run="null", subset=SUBSET, shown="5",
    )  # fmt: skip
    return made


def rebuild(predictions: Path, chains: Path, hand: Path, traces: Path) -> None:
    reconstruct.run(
        reconstruct.Inputs(predictions=predictions, chains=chains, hand=hand),
        reconstruct.Outputs(traces=traces, pdb=traces.with_suffix("")),
        reconstruct.Options(reconstruct=ReconstructConfig(smacof_steps=10)),
    )


@pytest.fixture(scope="module")
def few(root: Path, small: SmallData, tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("few")
    return results(root, folder, chains=small.chains, distances=small.distances, quarantine=small.quarantine)


@pytest.fixture(scope="module")
def many(root: Path, small: SmallData, tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("many")
    with CHAINS.open(folder / "no-chains.parquet") as table:
        table.metadata(**Intake(files=0, chains=0).metadata())
    return results(
        root,
        folder,
        chains=spread(small.chains, folder / "no-chains.parquet", folder / "chains"),
        distances=spread(small.distances, empty_table(DISTANCES, folder / "no-distances"), folder / "distances"),
        quarantine=spread(small.quarantine, empty_table(QUARANTINE, folder / "no-quarantine"), folder / "quarantine"),
    )


def test_many_shards_give_what_the_two_give_that_are_not_empty(few: Results, many: Results, small: SmallData):
    assert many.split.read_bytes() == few.split.read_bytes() == small.split.read_bytes()
    assert many.relatives.read_bytes() == few.relatives.read_bytes() == small.relatives.read_bytes()
    assert many.summary.read_bytes() == few.summary.read_bytes()
    for name in ("hand", "fitted", "metrics", "views"):
        assert getattr(many, name).read_bytes() == getattr(few, name).read_bytes(), name
    assert [many.predictions[place].read_bytes() for place in FILLED] == [path.read_bytes() for path in few.predictions]


def test_every_chain_of_many_shards_is_scored_once(many: Results, small: SmallData):
    predicted = [row.chain_id for row in PREDICTIONS.read(*many.predictions)]
    scored = [row.chain_id for row in METRICS.read(many.metrics)]
    wanted = read_subset(many.split, SUBSET)
    assert len(many.predictions) == MANY and sum(map(count_rows, many.predictions)) == len(wanted) > 0
    assert scored == predicted == [row.chain_id for row in CHAINS.read(*small.chains) if row.chain_id in wanted]
