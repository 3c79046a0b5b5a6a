import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
import torch

from pipeline import chirality, reconstruct
from proteinmtp.base.errors import DataError
from proteinmtp.config import ReconstructConfig, RunConfig
from proteinmtp.geometry.chirality import mirror
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.rebuild import rebuild
from proteinmtp.geometry.superposition import score
from proteinmtp.predictors import network
from proteinmtp.predictors import traces as of_predictions
from proteinmtp.predictors.network import Predictor
from proteinmtp.predictors.traces import traces
from proteinmtp.structures.writing import write_trace
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import CHAINS, ChainRow, ChainSequence
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.split import read_subset
from proteinmtp.tables.traces import TRACES

from ..support.small import SmallData, small_config
from ..support.trained_runs import RunFiles, files_of


@pytest.fixture(scope="module")
def hand(small: SmallData, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("hand") / "hand.json"
    chirality.run(
        chirality.Inputs(chains=small.chains, split=small.split), chirality.Outputs(hand=path), chirality.Options()
    )
    return path


@pytest.fixture(scope="module", params=["distance", "coords"])
def run(request, small: SmallData, tmp_path_factory) -> tuple[RunConfig, RunFiles]:
    settings = small_config(runs=[{"name": "a", "head": {"kind": request.param}}]).run("a")
    files = files_of(small, tmp_path_factory.mktemp(request.param))
    files.train(settings)
    return settings, files


@dataclass(frozen=True)
class Rebuilding:
    """A folder in which predictions for a shard of chains are rebuilt by the stage."""

    folder: Path
    chains: Path
    hand: Path

    def of_rows(
        self, predictions: Iterable[PredictionRow], config: ReconstructConfig | None = None
    ) -> reconstruct.Outputs:
        self.folder.mkdir()
        PREDICTIONS.write(self.folder / "predictions", predictions)
        return self.of_table(self.folder / "predictions", config)

    def of_table(self, predictions: Path, config: ReconstructConfig | None = None) -> reconstruct.Outputs:
        outputs = reconstruct.Outputs(traces=self.folder / "traces", pdb=self.folder / "pdb")
        reconstruct.run(
            reconstruct.Inputs(predictions=predictions, chains=self.chains, hand=self.hand),
            outputs,
            reconstruct.Options(reconstruct=config or ReconstructConfig()),
        )
        return outputs


def first_chain(small: SmallData) -> ChainRow:
    return next(CHAINS.read(small.chains[0]))


def prediction(chain: ChainRow, coords: np.ndarray | None = None) -> PredictionRow:
    """The exact distances of a chain, or of other coordinates."""
    points = torch.from_numpy(np.array(chain.coords if coords is None else coords))
    triu = triangle.pack(pairwise_distances(points).numpy())
    return PredictionRow(chain_id=chain.chain_id, length=chain.length, triu=triu)


def test_prediction_covers_the_subset_once_in_the_order_of_the_shard(small: SmallData, run, tmp_path: Path):
    settings, files = run
    for shard, chains in enumerate(small.chains):
        files.predict(settings, chains=chains, subset="test", table=tmp_path / f"{shard}")
    wanted = read_subset(small.split, "test")
    rows = list(PREDICTIONS.read(tmp_path / "0", tmp_path / "1"))
    everything = [chain.chain_id for chain in CHAINS.read_as(ChainSequence, *small.chains)]
    assert [row.chain_id for row in rows] == [name for name in everything if name in wanted]
    for row in rows:
        assert len(row.triu) == row.length * (row.length - 1) // 2
        assert np.isfinite(row.triu).all() and (row.triu >= 0).all()


def test_without_a_chain_of_the_subset_the_run_is_neither_checked_nor_loaded(
    small: SmallData, run, tmp_path: Path, caplog
):
    settings, files = run
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "run.json").write_bytes(files.outputs.record.read_bytes())
    elsewhere = replace(files, outputs=replace(files.outputs, record=tmp_path / "run.json", model=model))
    CHAINS.write(tmp_path / "none", [])
    with caplog.at_level(logging.INFO):
        elsewhere.predict(settings, chains=tmp_path / "none", subset="test", table=tmp_path / "p")
    assert list(PREDICTIONS.read(tmp_path / "p")) == []
    assert caplog.messages[-1] == "0 chains predicted"
    with pytest.raises(DataError, match="is missing or changed since it was made"):
        elsewhere.predict(settings, chains=small.chains[0], subset="train", table=tmp_path / "p")


def test_reconstruction_never_sees_the_answer(small: SmallData, run, hand: Path, tmp_path: Path):
    settings, files = run
    files.predict(settings, chains=small.chains[0], subset="train", table=tmp_path / "p")
    CHAINS.write(
        tmp_path / "blind",
        (
            replace(row, coords=np.full_like(row.coords, np.nan), observed=np.zeros_like(row.observed))
            for row in CHAINS.read(small.chains[0])
        ),
    )
    rebuilt = []
    for name, chains in (("seen", small.chains[0]), ("unseen", tmp_path / "blind")):
        (tmp_path / name).mkdir()
        rebuilt.append(Rebuilding(tmp_path / name, chains, hand).of_table(tmp_path / "p"))
    seen, unseen = rebuilt
    assert seen.traces.read_bytes() == unseen.traces.read_bytes()
    assert len(list(seen.pdb.glob("*.pdb"))) == len(list(PREDICTIONS.read(tmp_path / "p")))


def test_exact_distances_are_rebuilt_in_the_right_hand(small: SmallData, hand: Path):
    counts = torch.tensor(HandRecord.read(hand).counts)
    for row in CHAINS.read(*small.chains):
        native, seen = torch.from_numpy(row.coords.astype(np.float64)), torch.from_numpy(row.observed.copy())
        mask = torch.ones(1, len(native), dtype=torch.bool)
        distances = pairwise_distances(mirror(native))[None]
        rebuilt = rebuild(distances, mask, counts=counts, config=ReconstructConfig())
        assert score(rebuilt.coords[0][seen], native[seen]).tm_score > 0.999
        assert rebuilt.margin > 0 and rebuilt.mixed == 0 and rebuilt.stress < 0.05


@pytest.mark.parametrize("method", ["mds", "smacof", "gradient"])
def test_a_shard_is_rebuilt_in_its_order_by_the_named_method_with_the_same_bytes(
    small: SmallData, hand: Path, tmp_path: Path, method: str
):
    chains = list(CHAINS.read(small.chains[0]))[:5]
    config = ReconstructConfig(method=method, gradient_steps=60)
    one, other = (
        Rebuilding(tmp_path / name, small.chains[0], hand).of_rows(map(prediction, chains), config) for name in "ab"
    )
    assert one.traces.read_bytes() == other.traces.read_bytes()
    rows = list(TRACES.read(one.traces))
    assert [row.chain_id for row in rows] == [chain.chain_id for chain in chains]
    assert {row.method for row in rows} == {method}
    assert all(row.error_reach is None for row in rows)


def test_a_shard_that_is_rebuilt_in_parts_has_the_same_bytes(
    small: SmallData, hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    steps = np.random.default_rng(0)
    chains = list(CHAINS.read(small.chains[0]))[:5]
    rows = [prediction(chain, steps.normal(0, 2.2, (chain.length, 3)).cumsum(0)) for chain in chains]
    at_once = Rebuilding(tmp_path / "a", small.chains[0], hand).of_rows(rows)
    monkeypatch.setattr(of_predictions, "HELD_BYTES", rows[0].triu.nbytes + rows[1].triu.nbytes)
    parts = [list(part) for part in of_predictions.held_together(rows)]
    assert len(parts[0]) == 2 and [row for part in parts for row in part] == rows
    in_parts = Rebuilding(tmp_path / "b", small.chains[0], hand).of_rows(rows)
    assert in_parts.traces.read_bytes() == at_once.traces.read_bytes()
    assert sorted(file.name for file in in_parts.pdb.iterdir()) == sorted(file.name for file in at_once.pdb.iterdir())


def test_a_gpu_predicts_chains_of_like_length_together_and_rows_have_the_order_of_the_chains(
    monkeypatch: pytest.MonkeyPatch,
):
    """Of as many chains at a time as have `WINDOW_PAIRS`; where memory ends, of half as many from there on."""
    batches: list[list[int]] = []

    def together(self: Predictor, chains: Sequence[ChainSequence]) -> Iterator[PredictionRow]:
        if len(chains) > 2:
            raise torch.OutOfMemoryError
        batches.append(list(map(len, chains)))
        return (PredictionRow(chain_id=one.chain_id, length=len(one), triu=np.zeros(0)) for one in chains)

    monkeypatch.setattr(Predictor, "_together", together)
    monkeypatch.setattr(network, "WINDOW_PAIRS", 130)  # of 8, 4, 9, 5 and 11 residues: 28 + 6 + 36 + 10 + 55
    chains = [ChainSequence(str(length), "A" * length) for length in (8, 4, 9, 5, 11, 7, 6)]
    nothing: Any = None
    predictor = Predictor(nothing, nothing, torch.device("cuda"), torch.float32, batch_size=4)
    assert [row.length for row in predictor.predict(chains)] == [8, 4, 9, 5, 11, 7, 6]
    assert batches == [[4, 5], [8, 9], [11], [6, 7]]


def test_rows_of_the_table_are_what_the_library_gives(small: SmallData, hand: Path, tmp_path: Path):
    """The stage adds nothing: `traces` alone, from rows to rows, has the same coordinates."""
    chains = list(CHAINS.read(small.chains[0]))[:3]
    predictions = [prediction(chain) for chain in chains]
    rows = traces(
        predictions,
        sequences={chain.chain_id: chain.sequence for chain in chains},
        hand=HandRecord.read(hand),
        config=ReconstructConfig(),
    )
    written = TRACES.read(Rebuilding(tmp_path / "a", small.chains[0], hand).of_rows(predictions).traces)
    for row, stored in zip(rows, written, strict=True):
        assert row.chain_id == stored.chain_id and row.stress == stored.stress
        assert np.array_equal(row.coords.astype(np.float32), stored.coords)


def test_coordinates_from_elsewhere_pass_through_with_their_gaps(small: SmallData, hand: Path, tmp_path: Path):
    chain = first_chain(small)
    coords = np.array(chain.coords)
    coords[3:6] = np.nan
    confidence = np.where(np.isfinite(coords[:, 0]), 50.0, np.nan)
    outputs = Rebuilding(tmp_path / "a", small.chains[0], hand).of_rows(
        [replace(prediction(chain, coords), coords=coords, confidence=confidence)]
    )
    (row,) = TRACES.read(outputs.traces)
    assert row.method == "none" and row.error_reach is None
    assert np.array_equal(row.coords, coords, equal_nan=True)
    assert row.stress < 0.05  # half precision of the distances
    assert row.mirror_margin > 0
    residues = list(gemmi.read_structure(str(next(outputs.pdb.iterdir())))[0]["A"])
    assert [residue.seqid.num for residue in residues] == [
        place + 1 for place in range(chain.length) if np.isfinite(coords[place, 0])
    ]


def test_pdb_files_hold_the_sequence_and_the_confidence(tmp_path: Path):
    coords = np.arange(9.0).reshape(3, 3)
    write_trace(tmp_path / "x.pdb", sequence="MXW", coords=coords, confidence=np.array([10.0, 50.0, 90.0]))
    structure = gemmi.read_structure(str(tmp_path / "x.pdb"))
    atoms = [(cra.residue.name, cra.atom.b_iso, cra.atom.pos.tolist()) for cra in structure[0].all()]
    assert [(name, b) for name, b, _ in atoms] == [("MET", 10), ("UNK", 50), ("TRP", 90)]
    assert np.array([position for _, _, position in atoms]) == pytest.approx(coords)


def test_chain_names_never_become_paths(small: SmallData, hand: Path, tmp_path: Path):
    chain = replace(first_chain(small), chain_id="../../evil/x")
    CHAINS.write(tmp_path / "chains", [chain])
    row = prediction(chain, np.nan_to_num(chain.coords))
    outputs = Rebuilding(tmp_path / "a", tmp_path / "chains", hand).of_rows([row])
    assert [path.name for path in outputs.pdb.iterdir()] == ["%2E.%2F..%2Fevil%2Fx.pdb"]
    assert not (tmp_path / "evil").exists()
