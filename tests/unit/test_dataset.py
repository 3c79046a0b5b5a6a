import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.config_data import SplitConfig
from pipeline.dataset.homology import clusters, search
from pipeline.dataset.reader import read_chains
from pipeline.dataset.schemas import CHAINS, QUARANTINE
from pipeline.dataset.split import AccountingError, assign, read_subset, write_split
from pipeline.dataset.tables import open_table, read_rows, write_rows
from pipeline.inference.null import SeparationNull, write_null
from pipeline.inference.schemas import PREDICTIONS


def test_rows_come_back_as_they_were_written(tmp_path: Path):
    coords = np.arange(12, dtype=np.float32).reshape(4, 3)
    coords[1] = np.nan
    rows = [
        {"chain_id": f"c{n}", "length": 4, "triu": np.arange(6, dtype=np.float16) + n, "sigma": None,
         "confidence": None if n % 2 else [1.0, 2, 3, 4], "coords": None if n % 3 else coords}
        for n in range(150)
    ]  # fmt: skip
    write_rows(tmp_path / "t", PREDICTIONS, rows)
    back = list(read_rows(tmp_path / "t"))
    assert [row["chain_id"] for row in back] == [row["chain_id"] for row in rows]
    for row, original in zip(back, rows, strict=True):
        assert np.array_equal(row["triu"], original["triu"])
        assert row["sigma"] is None
        assert (row["confidence"] is None) == (original["confidence"] is None)
        assert (row["coords"] is None) == (original["coords"] is None)
    assert np.array_equal(back[0]["coords"], coords, equal_nan=True)


def test_an_empty_table_can_be_read(tmp_path: Path):
    write_rows(tmp_path / "t", CHAINS, [])
    assert list(read_rows(tmp_path / "t")) == []


def test_a_table_appears_only_when_it_is_complete(tmp_path: Path):
    with pytest.raises(RuntimeError), open_table(tmp_path / "t", CHAINS):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_mmseqs_joins_relatives_and_leaves_strangers_apart():
    rng = np.random.default_rng(0)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    first, second = ("".join(rng.choice(letters, 120)) for _ in range(2))
    relative = "".join(rng.choice(letters) if rng.random() < 0.3 else letter for letter in first)
    sequences = {"a": first, "b": relative, "c": second, "half": first[:60]}
    hits = search(sequences)
    assert clusters(list(sequences), hits, 0.3, 0.5) == {"a": "a", "b": "a", "c": "c", "half": "a"}
    assert clusters(list(sequences), hits, 0.9, 0.5) == {"a": "a", "b": "b", "c": "c", "half": "a"}


@pytest.mark.parametrize("seed", range(5))
def test_no_cluster_crosses_a_cluster_split(seed: int):
    rng = np.random.default_rng(seed)
    cluster_of = {f"c{n}": f"k{rng.integers(40)}" for n in range(300)}
    subset_of = assign(cluster_of, SplitConfig(method="cluster"), seed)
    for cluster in set(cluster_of.values()):
        assert len({subset_of[name] for name in cluster_of if cluster_of[name] == cluster}) == 1
    test = sum("test" in subset for subset in subset_of.values())
    assert 0.15 * 300 < test <= 0.2 * 300
    assert subset_of == assign(cluster_of, SplitConfig(method="cluster"), seed)


def test_two_clusters_are_enough_for_a_test_set():
    subset_of = assign({"a": "a", "b": "b", "c": "b"}, SplitConfig(method="cluster"), 0)
    assert subset_of["a"] == {"test"}
    assert subset_of["b"] == subset_of["c"] == {"train"}


def test_members_of_every_cluster_are_held_out():
    cluster_of = {f"{cluster}{n}": cluster for cluster in "abc" for n in range(10)}
    subset_of = assign(cluster_of, SplitConfig(method="members"), 0)
    for cluster in "abc":
        names = [subset_of[name] for name in cluster_of if cluster_of[name] == cluster]
        assert [sum(subset in name for name in names) for subset in ("train", "val", "test")] == [7, 1, 2]


def test_a_lost_chain_stops_the_workflow(tmp_path: Path):
    with open_table(tmp_path / "c", CHAINS) as table:
        table.metadata(files_in=1, chains_in=1)
    write_rows(tmp_path / "q", QUARANTINE, [])
    with pytest.raises(AccountingError, match="1 files came in and 0 are accounted for"):
        write_split([tmp_path / "c"], [tmp_path / "q"], SplitConfig(), 0, 1, tmp_path / "s", tmp_path / "j")


def test_the_split_of_the_demo_adds_up(small):
    summary = json.loads(small.summary.read_text())
    assert summary["chains_in"] == summary["chains_parsed"] + summary["chains_refused"]
    assert sum(summary["subsets"].values()) == summary["chains_parsed"] == 24
    assert not read_subset(small.split, "train") & read_subset(small.split, "test")


def test_stored_distances_are_those_of_the_coordinates(small):
    wanted = read_subset(small.split, "train")
    for chain in read_chains(small.chains, wanted, small.distances):
        seen = np.isfinite(chain.coords).all(1)
        assert len(chain.triu) == len(chain) * (len(chain) - 1) // 2
        assert np.isfinite(chain.triu).sum() == seen.sum() * (seen.sum() - 1) // 2


def test_the_null_is_the_mean_at_each_separation(small, tmp_path: Path):
    write_null(small.distances, small.split, tmp_path / "null")
    null = SeparationNull.read(tmp_path / "null")
    assert null.profile(50)[0] == pytest.approx(3.8, abs=0.2)
    one = SeparationNull(null.lengths[:1], null.mean[:1], null.pairs[:1])
    length = int(one.lengths[0])
    seen = one.pairs[0][: length - 1] > 0
    assert one.profile(length)[seen] == pytest.approx(one.mean[0][: length - 1][seen])
    assert one.profile(length + 30)[-1] == one.profile(length)[seen][-1]
    matrix = null.distances(20)
    assert np.array_equal(matrix, matrix.T)
    assert not np.diag(matrix).any()
