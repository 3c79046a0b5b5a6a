from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from proteinmtp.config.whole import ReconstructConfig
from proteinmtp.tables.schemas import CHAINS
from proteinmtp.tables.parquet import read_all, read_rows, write_rows
from proteinmtp.geometry.chirality import mirror
from proteinmtp.geometry.distances import pack_upper, pairwise_distances
from proteinmtp.geometry.rebuild import rebuild
from proteinmtp.geometry.superposition import score
from proteinmtp.predictors.network import predict_shard
from proteinmtp.predictors.traces import read_chirality, reconstruct_shard, write_chirality, write_pdb
from proteinmtp.tables.prediction_schemas_ import NOTHING, PREDICTIONS
from proteinmtp.training.train import TrainingFiles, train

from ..support.small import small_config


@pytest.fixture(scope="module")
def chirality(small, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("chirality") / "counts.json"
    write_chirality(small.chains, small.split, path)
    return path


@pytest.fixture(scope="module", params=["distance", "coords"])
def run(request, small, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    config = small_config(runs=[{"name": "a", "head": {"kind": request.param}}]).run("a")
    manifest = folder / "manifest.json"
    files = TrainingFiles(
        small.chains, small.distances, small.split, small.backbone,
        folder / "work", folder / "model", manifest, folder / "history.parquet",
    )  # fmt: skip
    train("a", config, 0, files, "code")
    return config, manifest


def test_prediction_covers_the_subset_once_in_the_order_of_the_shard(small, run, tmp_path: Path):
    config, manifest = run
    for shard, chains in enumerate(small.chains):
        predict_shard(config, chains, small.split, "test", small.backbone, manifest, tmp_path / f"{shard}")
    wanted = {row["chain_id"] for row in read_rows(small.split) if row["test"]}
    rows = list(read_all([tmp_path / "0", tmp_path / "1"]))
    everything = [row["chain_id"] for row in read_all(small.chains, ["chain_id"])]
    assert [row["chain_id"] for row in rows] == [name for name in everything if name in wanted]
    for row in rows:
        assert len(row["triu"]) == row["length"] * (row["length"] - 1) // 2
        assert np.isfinite(row["triu"]).all() and (row["triu"] >= 0).all()


def test_reconstruction_never_sees_the_answer(small, run, chirality: Path, tmp_path: Path):
    config, manifest = run
    predict_shard(config, small.chains[0], small.split, "train", small.backbone, manifest, tmp_path / "p")
    blind = [
        row | {"coords": np.full_like(row["coords"], np.nan), "observed": np.zeros_like(row["observed"])}
        for row in read_rows(small.chains[0])
    ]
    write_rows(tmp_path / "blind", CHAINS, blind)
    for name, chains in (("seen", small.chains[0]), ("unseen", tmp_path / "blind")):
        reconstruct_shard(
            ReconstructConfig(), tmp_path / "p", chains, chirality, tmp_path / name, tmp_path / f"{name}-pdb"
        )
    assert (tmp_path / "seen").read_bytes() == (tmp_path / "unseen").read_bytes()
    assert len(list((tmp_path / "seen-pdb").glob("*.pdb"))) == len(list(read_rows(tmp_path / "p")))


def test_exact_distances_are_rebuilt_in_the_right_hand(small, chirality: Path):
    counts = read_chirality(chirality)
    for row in read_all(small.chains):
        native, seen = torch.from_numpy(row["coords"].astype(np.float64)), torch.from_numpy(row["observed"].copy())
        mask = torch.ones(1, len(native), dtype=torch.bool)
        found = rebuild(pairwise_distances(mirror(native))[None], mask, counts, ReconstructConfig())
        assert score(found.coords[0][seen], native[seen]).tm_score > 0.999
        assert found.margin > 0 and found.mixed == 0 and found.stress < 0.05


def prediction(row, **changes):
    length = row["length"]
    distances = pack_upper(pairwise_distances(torch.from_numpy(np.array(row["coords"]))).numpy())
    return NOTHING | {"chain_id": row["chain_id"], "length": length, "triu": distances} | changes


@pytest.mark.parametrize("method", ["mds", "smacof", "gradient"])
def test_a_shard_is_rebuilt_in_its_order_by_the_named_method_with_the_same_bytes(small, chirality, tmp_path, method):
    rows = list(read_rows(small.chains[0]))[:5]
    write_rows(tmp_path / "p", PREDICTIONS, [prediction(row) for row in rows])
    config = ReconstructConfig(method=method, gradient_steps=60)
    for name in ("a", "b"):
        reconstruct_shard(config, tmp_path / "p", small.chains[0], chirality, tmp_path / name, tmp_path / f"{name}-pdb")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found = list(read_rows(tmp_path / "a"))
    assert [row["chain_id"] for row in found] == [row["chain_id"] for row in rows]
    assert {row["method"] for row in found} == {method}
    assert all(row["error_reach"] is None for row in found)


def test_coordinates_from_elsewhere_pass_through_with_their_gaps(small, chirality: Path, tmp_path: Path):
    row = next(iter(read_rows(small.chains[0])))
    coords = np.array(row["coords"])
    coords[3:6] = np.nan
    distances = pack_upper(pairwise_distances(torch.from_numpy(coords)).numpy())
    confidence = np.where(np.isfinite(coords[:, 0]), 50.0, np.nan)
    write_rows(tmp_path / "p", PREDICTIONS, [prediction(row, triu=distances, coords=coords, confidence=confidence)])
    reconstruct_shard(ReconstructConfig(), tmp_path / "p", small.chains[0], chirality, tmp_path / "s", tmp_path / "pdb")
    (found,) = read_rows(tmp_path / "s")
    assert found["method"] == "none" and found["error_reach"] is None
    assert np.array_equal(found["coords"], coords, equal_nan=True)
    assert found["stress"] < 0.05  # half precision of the distances
    assert found["mirror_margin"] > 0
    residues = list(gemmi.read_structure(str(next((tmp_path / "pdb").iterdir())))[0]["A"])
    assert [residue.seqid.num for residue in residues] == [
        place + 1 for place in range(row["length"]) if np.isfinite(coords[place, 0])
    ]


def test_pdb_files_hold_the_sequence_and_the_confidence(tmp_path: Path):
    coords = np.arange(9.0).reshape(3, 3)
    write_pdb(tmp_path / "x.pdb", "MXW", coords, np.array([10.0, 50.0, 90.0]))
    structure = gemmi.read_structure(str(tmp_path / "x.pdb"))
    atoms = [(cra.residue.name, cra.atom.b_iso, cra.atom.pos.tolist()) for cra in structure[0].all()]
    assert [(name, b) for name, b, _ in atoms] == [("MET", 10), ("UNK", 50), ("TRP", 90)]
    assert np.array([position for _, _, position in atoms]) == pytest.approx(coords)


def test_chain_names_never_become_paths(small, chirality: Path, tmp_path: Path):
    row = next(iter(read_rows(small.chains[0]))) | {"chain_id": "../../evil/x"}
    write_rows(tmp_path / "chains", CHAINS, [row])
    length = row["length"]
    distances = np.full(length * (length - 1) // 2, 5.0)
    row = NOTHING | {"chain_id": row["chain_id"], "length": length, "triu": distances}
    write_rows(tmp_path / "p", PREDICTIONS, [row])
    folder = tmp_path / "a" / "b" / "pdb"
    reconstruct_shard(ReconstructConfig(), tmp_path / "p", tmp_path / "chains", chirality, tmp_path / "s", folder)
    assert [path.name for path in folder.iterdir()] == ["..%2F..%2Fevil%2Fx.pdb"]
    assert not (tmp_path / "evil").exists()
