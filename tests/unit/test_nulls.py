from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import plugins
from proteinmtp.config.whole import NULLS, NULLS_PACKAGE, ReconstructConfig
from proteinmtp.splitting.homology import align
from proteinmtp.tables.reader import ChainRecord, read_chains, read_subset
from proteinmtp.tables.schemas import CHAINS, DISTANCES
from proteinmtp.tables.parquet import read_all, read_rows, write_rows
from proteinmtp.geometry.chirality import pseudo_dihedrals
from proteinmtp.geometry.distances import pairwise_distances, unpack_upper
from proteinmtp.predictors.null_stages_ import fit_null, predict_null
from proteinmtp.predictors.nulls import Tables, Target, helix, neighbours, separation
from proteinmtp.predictors.traces import reconstruct_shard, write_chirality

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def random_chain(name: str, length: int, seed: int) -> ChainRecord:
    rng = np.random.default_rng(seed)
    coords = rng.normal(size=(length, 3)).cumsum(0) * 2
    return ChainRecord(name, "".join(rng.choice(list(LETTERS), length)), coords.astype(np.float32))


def distances_of(chain: ChainRecord) -> np.ndarray:
    return pairwise_distances(torch.from_numpy(chain.coords.astype(np.float64))).numpy()


@pytest.fixture(scope="module")
def tables(small) -> Tables:
    return Tables(small.chains, small.distances, small.split, "test")


@pytest.mark.parametrize("null", NULLS)
def test_every_null_goes_through_the_same_stages(null: str, small, tables: Tables, tmp_path: Path):
    outputs = [tmp_path / f"{shard}.parquet" for shard in range(2)]
    fit_null(null, tables, tmp_path / "fitted")
    predict_null(null, tmp_path / "fitted", small.chains, small.split, "test", outputs)
    wanted = read_subset(small.split, "test")
    everything = [row["chain_id"] for row in read_all(small.chains, ["chain_id"])]
    rows = list(read_all(outputs))
    assert [row["chain_id"] for row in rows] == [name for name in everything if name in wanted]
    write_chirality(small.chains, small.split, tmp_path / "hands")
    reconstruct_shard(
        ReconstructConfig(), outputs[0], small.chains[0], tmp_path / "hands", tmp_path / "s", tmp_path / "pdb"
    )
    rebuilt = list(read_rows(tmp_path / "s"))
    assert rebuilt and all(np.isfinite(row["coords"]).all() for row in rebuilt)


def test_a_null_is_a_module_with_three_names():
    assert set(NULLS) == {"null_helix", "null_neighbours", "null_separation"}
    for name in plugins.names(NULLS_PACKAGE):
        module = plugins.load(NULLS_PACKAGE, name)
        assert module.DESCRIPTION and callable(module.fit) and callable(module.predict)


def test_a_null_sees_no_structure_of_the_chains_it_predicts(small, tables: Tables, tmp_path: Path):
    """Fitted again without the coordinates of the test chains, each null learns the same, byte for byte."""
    wanted = read_subset(small.split, "test")
    blind: dict[str, list[Path]] = {"coords": [], "triu": []}
    for column, schema, shards in (("coords", CHAINS, small.chains), ("triu", DISTANCES, small.distances)):
        for shard in shards:
            rows = [
                row | {column: np.full_like(row[column], np.nan)} if row["chain_id"] in wanted else row
                for row in read_rows(shard)
            ]
            blind[column].append(tmp_path / f"{column}-{shard.name}")
            write_rows(blind[column][-1], schema, rows)
    unseen = Tables(blind["coords"], blind["triu"], small.split, "test")
    for null in NULLS:
        fit_null(null, tables, tmp_path / "seen")
        fit_null(null, unseen, tmp_path / "unseen")
        assert (tmp_path / "seen").read_bytes() == (tmp_path / "unseen").read_bytes(), null


def test_the_separation_null_is_the_mean_at_each_separation(tables: Tables, tmp_path: Path):
    separation.fit(tables, tmp_path / "null")
    null = separation.SeparationNull.read(tmp_path / "null")
    assert null.profile(50)[0] == pytest.approx(3.8, abs=0.2)
    one = separation.SeparationNull(null.lengths[:1], null.mean[:1], null.pairs[:1])
    length = int(one.lengths[0])
    seen = one.pairs[0][: length - 1] > 0
    assert one.profile(length)[seen] == pytest.approx(one.mean[0][: length - 1][seen])
    assert one.profile(length + 30)[-1] == one.profile(length)[seen][-1]
    matrix = null.distances(20)
    assert np.array_equal(matrix, matrix.T)
    assert not np.diag(matrix).any()


def test_the_helix_null_is_an_alpha_helix(tables: Tables, tmp_path: Path):
    """Against points on the helix itself, and what crystallography says of its bonds (3.8 A) and turns (about 50)."""
    helix.fit(tables, tmp_path / "null")
    (matrix,) = helix.predict(tmp_path / "null", [Target("x", "A" * 30)])
    turn = np.radians(100) * np.arange(30)
    points = np.stack([2.3 * np.cos(turn), 2.3 * np.sin(turn), 1.5 * np.arange(30)], 1)
    assert matrix == pytest.approx(np.linalg.norm(points[:, None] - points, axis=-1))
    assert matrix[0, 1] == pytest.approx(3.8, abs=0.05)
    assert np.degrees(pseudo_dihedrals(torch.from_numpy(points))[0]) == pytest.approx(50, abs=3)


def test_a_copy_under_another_id_is_copied_and_the_chain_itself_is_not(tmp_path: Path):
    chain = random_chain("a", 80, 0)
    copy = ChainRecord("b", chain.sequence, random_chain("b", 80, 1).coords)
    found = neighbours.find([chain, copy], [chain, copy], tmp_path)
    assert [len(found[name]) for name in "ab"] == [1, 1]
    assert neighbours.copy_distances(80, found["a"]) == pytest.approx(distances_of(copy))
    alone = neighbours.find([chain], [chain], tmp_path)
    assert alone["a"] == []


def test_distances_are_copied_along_the_alignment(tmp_path: Path):
    """A training chain that lacks ten residues of the chain and has six of its own: what is common is copied."""
    chain = random_chain("a", 120, 0)
    extra = random_chain("x", 6, 9)
    sequence = chain.sequence[:40] + chain.sequence[50:80] + extra.sequence + chain.sequence[80:]
    coords = np.concatenate([chain.coords[:40], chain.coords[50:80], extra.coords, chain.coords[80:]])
    found = neighbours.find([chain], [ChainRecord("b", sequence, coords)], tmp_path)
    copied = neighbours.copy_distances(120, found["a"])
    same = np.isfinite(copied) & (np.abs(copied - distances_of(chain)) < 1e-3)
    # Where a gap begins is ambiguous by a residue or so.
    assert same.sum() > 0.9 * 110**2
    assert np.isfinite(copied).sum() <= 112**2
    assert np.isnan(copied[44:46]).all()


def test_further_neighbours_fill_what_the_first_leaves_open(tmp_path: Path):
    chain = random_chain("a", 120, 0)
    half = ChainRecord("b", chain.sequence[:60], chain.coords[:60])
    holes = chain.coords.copy()
    holes[100:] = np.nan
    other = ChainRecord("c", chain.sequence, holes + 5 * np.arange(120, dtype=np.float32)[:, None])
    found = neighbours.find([chain], [half, other], tmp_path)
    assert [len(neighbour.coords) for neighbour in found["a"]] == [120, 60]
    copied = neighbours.copy_distances(120, found["a"][::-1])
    assert copied[:60, :60] == pytest.approx(distances_of(chain)[:60, :60])
    assert copied[60:100, :100] == pytest.approx(distances_of(other)[60:100, :100])
    assert np.isnan(copied[100:]).all()


def test_without_neighbours_there_is_the_separation_null(small, tables: Tables, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(neighbours, "align", lambda *_: {})
    chains = read_chains(small.chains, read_subset(small.split, "test"))
    targets = [Target(chain.chain_id, chain.sequence) for chain in chains]
    predicted = {}
    for module in (neighbours, separation):
        module.fit(tables, tmp_path / "null")
        predicted[module] = list(module.predict(tmp_path / "null", targets))
    for ours, theirs in zip(*predicted.values(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_relatives_make_the_neighbours_null_better_than_the_separation_null(small, tables: Tables, tmp_path: Path):
    """In the demo's split every test chain has relatives in training."""
    chains = {chain.chain_id: chain for chain in read_chains(small.chains, read_subset(small.split, "test"))}
    errors = {}
    for null in ("null_neighbours", "null_separation"):
        outputs = [tmp_path / "0", tmp_path / "1"]
        fit_null(null, tables, tmp_path / "fitted")
        predict_null(null, tmp_path / "fitted", small.chains, small.split, "test", outputs)
        errors[null] = [
            np.nanmean(np.abs(unpack_upper(row["triu"].astype(np.float64), row["length"]) - distances_of(chain)))
            for row in read_all(outputs)
            if (chain := chains[row["chain_id"]])
        ]
    assert np.mean(errors["null_neighbours"]) < 0.6 * np.mean(errors["null_separation"])


def test_the_search_gives_the_same_bytes_with_more_threads(small, tables: Tables, tmp_path: Path):
    neighbours.fit(tables, tmp_path / "one")
    more = Tables(small.chains, small.distances, small.split, "test", threads=2)
    neighbours.fit(more, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_alignments_pair_equal_letters_as_often_as_their_identity_says(tmp_path: Path):
    query = random_chain("a", 200, 0).sequence
    changed = np.random.default_rng(1).choice(200, 30, replace=False)
    target = "".join("ACDY"[at % 4] if at in changed else letter for at, letter in enumerate(query))
    target = target[10:90] + target[95:150] + "WWWW" + target[150:]
    (alignment,) = align([query], [target], tmp_path)[0]
    here, there = alignment.pairs()
    equal = sum(query[i] == target[j] for i, j in zip(here, there, strict=True))
    # MMseqs2 counts identity over all columns, gaps included; it gives three digits.
    columns = len(here) + (here[-1] - here[0] + 1 - len(here)) + (there[-1] - there[0] + 1 - len(there))
    assert equal / columns == pytest.approx(alignment.identity, abs=0.002)
    assert alignment.cigar.count("I") == alignment.cigar.count("D") == 1
