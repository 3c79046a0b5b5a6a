from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import chirality, fit_null, predict_null, reconstruct
from proteinmtp.base.errors import PartError
from proteinmtp.config import ReconstructConfig
from proteinmtp.geometry.bins import BINS, LAST, median
from proteinmtp.geometry.chirality import pseudo_dihedrals
from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.predictors import catalogue, nulls
from proteinmtp.predictors.null import TrainingTables
from proteinmtp.predictors.nulls import helix, neighbours, separation
from proteinmtp.splitting.homology import align
from proteinmtp.tables import distogram, triangle
from proteinmtp.tables.chains import CHAINS, ChainSequence, ChainTrace, read_chains
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.tables.traces import TRACES

from ..support.small import SmallData, small_config

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
PARTS = {part.name: part for part in catalogue.nulls(small_config())}


def random_chain(name: str, length: int, seed: int) -> ChainTrace:
    rng = np.random.default_rng(seed)
    coords = rng.normal(size=(length, 3)).cumsum(0) * 2
    return ChainTrace(name, "".join(rng.choice(list(LETTERS), length)), coords.astype(np.float32))


def distances_of(chain: ChainTrace) -> np.ndarray:
    return pairwise_distances(torch.from_numpy(chain.coords.astype(np.float64))).numpy()


def fit(null: str, tables: TrainingTables, output: Path) -> None:
    """Fit a null as its stage does."""
    fit_null.run(
        fit_null.Inputs(chains=tables.chains, distances=tables.distances, split=tables.split),
        fit_null.Outputs(fitted=output),
        fit_null.Options(null=PARTS[null].module, subset=tables.subset, threads=tables.threads),
    )


def predict(null: str, small: SmallData, folder: Path) -> Shards:
    """Fit a null and predict the test chains, as the two stages do; return the shards of predictions."""
    fit(null, training_tables(small), folder / "fitted")
    predicted = Shards(folder / null, len(small.chains))
    predict_null.run(
        predict_null.Inputs(fitted=folder / "fitted", chains=small.chains, split=small.split),
        predict_null.Outputs(predictions=predicted),
        predict_null.Options(null=PARTS[null].module, subset="test"),
    )
    return predicted


def training_tables(small: SmallData) -> TrainingTables:
    return TrainingTables(chains=small.chains, distances=small.distances, split=small.split, subset="test")


@pytest.fixture(scope="module")
def tables(small) -> TrainingTables:
    return training_tables(small)


@pytest.mark.parametrize("null", PARTS)
def test_every_null_goes_through_the_same_stages(null: str, small, tmp_path: Path):
    predicted = predict(null, small, tmp_path)
    wanted = read_subset(small.split, "test")
    everything = [chain.chain_id for chain in CHAINS.read_as(ChainSequence, *small.chains)]
    assert [row.chain_id for row in PREDICTIONS.read(*predicted)] == [name for name in everything if name in wanted]
    chirality.run(
        chirality.Inputs(chains=small.chains, split=small.split),
        chirality.Outputs(hand=tmp_path / "hand"),
        chirality.Options(),
    )
    reconstruct.run(
        reconstruct.Inputs(predictions=predicted[0], chains=small.chains[0], hand=tmp_path / "hand"),
        reconstruct.Outputs(traces=tmp_path / "s", pdb=tmp_path / "pdb"),
        reconstruct.Options(reconstruct=ReconstructConfig()),
    )
    rebuilt = list(TRACES.read(tmp_path / "s"))
    assert rebuilt and all(np.isfinite(row.coords).all() for row in rebuilt)


def test_a_null_is_a_module_with_a_class_and_a_description():
    assert {"null_helix", "null_neighbours", "null_separation"} <= set(PARTS)
    for part in PARTS.values():
        assert part.description == nulls.load(part.module).DESCRIPTION
    assert isinstance(nulls.load("helix"), helix.Null)
    with pytest.raises(PartError, match="did you mean 'helix'"):
        nulls.load("helx")


DISTANCE = {"head": {"kind": "distance"}}


@pytest.mark.parametrize(
    ("runs", "names", "beside"),
    [
        ([{}, DISTANCE], ["null_helix", "null_helix_points"], [["null_helix"], ["null_helix_points"]]),
        ([{}, {"head": {"kind": "coords"}}], ["null_helix"], [["null_helix"]] * 2),
        ([DISTANCE, {"reconstruct": {"method": "gradient"}}], ["null_helix"], [["null_helix"]] * 2),
        ([{"head": {"kind": "coords"}}], ["null_helix"], [["null_helix"]]),
    ],
)
def test_nulls_stand_beside_runs_that_are_decoded_alike(
    runs: list[dict[str, object]], names: list[str], beside: list[list[str]]
):
    runs = [{"name": f"run{at}", **run} for at, run in enumerate(runs)]
    config = catalogue.parse_config({"runs": runs, "nulls": ["helix"]})
    parts = catalogue.nulls(config)
    assert [part.name for part in parts] == names
    assert {part.fitted for part in parts} == {"null_helix"}
    assert [catalogue.nulls_beside(str(run["name"]), config) for run in runs] == beside
    assert parts[0].reconstruct == config.run("run0").reconstruct or "coords" in str(runs[0])


@pytest.mark.parametrize("null", [name for name in PARTS if not name.endswith("_points")])
def test_what_a_null_says_is_a_distribution_around_its_distances(null: str, small, tmp_path: Path):
    rows = list(PREDICTIONS.read(*predict(null, small, tmp_path)))
    for row in rows[:3]:
        likely = torch.from_numpy(distogram.unpack(row.distogram, BINS))
        turns = torch.from_numpy(row.dihedral.astype(np.float64).reshape(row.length - 3, -1)).exp()
        assert torch.allclose(turns.sum(1), torch.ones(row.length - 3, dtype=torch.float64), atol=0.01)
        middle = median(likely.log(), torch.tensor(40.0).expand(len(likely))).numpy()
        near = row.triu < LAST - 1
        error = np.abs(middle - row.triu)[near]
        assert np.median(error) < (0.2 if null != "null_separation" else 2.0)


def test_the_separation_null_is_as_likely_as_what_occurs(tables: TrainingTables, tmp_path: Path):
    """Where one length is all there is, shares are those of its chains."""
    rows = list(separation.training_lengths(tables))
    row = rows[len(rows) // 2]
    one = separation.Expected.of([row])
    shares = np.exp(one.likely(row.length))
    counts = row.bins.reshape(row.length - 1, BINS)
    known = row.pairs > 0
    assert shares[known] == pytest.approx(counts[known] / row.pairs[known, None], abs=1e-6)
    assert np.exp(one.turn(row.length)) == pytest.approx(row.turns / row.turns.sum(), abs=1e-6)
    assert one.likely(row.length + 9).shape == (row.length + 8, BINS)
    assert separation.Expected.of([]).guess(5).likely.shape == (10, BINS)


def test_turns_are_copied_where_four_residues_follow_each_other_in_both(tmp_path: Path):
    chain = random_chain("a", 80, 0)
    cut = ChainTrace("b", chain.sequence[:40] + chain.sequence[43:], np.delete(chain.coords, range(40, 43), 0))
    near = neighbours.find([chain], [cut], folder=tmp_path)
    turns = neighbours.copy_turns(80, near["a"])
    true = pseudo_dihedrals(torch.from_numpy(chain.coords.astype(np.float64))).numpy()
    assert turns[:34] == pytest.approx(true[:34], abs=1e-4) and turns[46:] == pytest.approx(true[46:], abs=1e-4)
    assert np.isnan(turns[38:42]).all()
    assert np.isnan(neighbours.copy_turns(80, [])).all()


def test_a_null_sees_no_structure_of_the_chains_it_predicts(small, tables: TrainingTables, tmp_path: Path):
    """Fitted again without the coordinates of the test chains, each null learns the same, byte for byte."""
    wanted = read_subset(small.split, "test")
    blind = {}
    for table, column, shards in ((CHAINS, "coords", small.chains), (DISTANCES, "triu", small.distances)):
        blind[column] = Shards(tmp_path / column, len(shards))
        for shard, output in zip(shards, blind[column], strict=True):
            table.write(
                output,
                (
                    replace(row, **{column: np.full_like(getattr(row, column), np.nan)})
                    if row.chain_id in wanted
                    else row
                    for row in table.read(shard)
                ),
            )
    unseen = replace(tables, chains=blind["coords"], distances=blind["triu"])
    for null in PARTS:
        fit(null, tables, tmp_path / "seen")
        fit(null, unseen, tmp_path / "unseen")
        assert (tmp_path / "seen").read_bytes() == (tmp_path / "unseen").read_bytes(), null


def test_the_separation_null_is_the_mean_at_each_separation(tables: TrainingTables, tmp_path: Path):
    separation.Null().fit(tables, tmp_path / "null")
    rows = list(separation.LENGTHS.read(tmp_path / "null"))
    expected, one = separation.Expected.of(rows), separation.Expected.of(rows[:1])
    assert expected.profile(50)[0] == pytest.approx(TRANS_BOND, abs=0.2)
    length = int(one.lengths[0])
    known = one.pairs[0][: length - 1] > 0
    assert one.profile(length)[known] == pytest.approx(one.mean[0][: length - 1][known])
    assert one.profile(length + 30)[-1] == one.profile(length)[known][-1]
    matrix = expected.distances(20)
    assert np.array_equal(matrix, matrix.T)
    assert not np.diag(matrix).any()


def test_without_training_chains_every_distance_is_that_of_neighbours():
    assert separation.Expected.of([]).profile(4).tolist() == [TRANS_BOND] * 3


def test_the_helix_null_is_an_alpha_helix(tables: TrainingTables, tmp_path: Path):
    """Against points on the helix itself, and what crystallography says of its bonds (3.8 A) and turns (about 50)."""
    helix.Null().fit(tables, tmp_path / "null")
    (guess,) = helix.Null().predict(tmp_path / "null", [ChainSequence("x", "A" * 30)])
    matrix = guess.distances
    turn = np.radians(100) * np.arange(30)
    points = np.stack([2.3 * np.cos(turn), 2.3 * np.sin(turn), 1.5 * np.arange(30)], 1)
    assert matrix == pytest.approx(np.linalg.norm(points[:, None] - points, axis=-1))
    assert matrix[0, 1] == pytest.approx(TRANS_BOND, abs=0.05)
    assert np.degrees(pseudo_dihedrals(torch.from_numpy(points))[0]) == pytest.approx(50, abs=3)


def test_a_copy_under_another_id_is_copied_and_the_chain_itself_is_not(tmp_path: Path):
    chain = random_chain("a", 80, 0)
    copy = ChainTrace("b", chain.sequence, random_chain("b", 80, 1).coords)
    near = neighbours.find([chain, copy], [chain, copy], folder=tmp_path)
    assert [len(near[name]) for name in "ab"] == [1, 1]
    assert neighbours.copy_distances(80, near["a"]) == pytest.approx(distances_of(copy))
    alone = neighbours.find([chain], [chain], folder=tmp_path)
    assert alone["a"] == []


def test_distances_are_copied_along_the_alignment(tmp_path: Path):
    """A training chain that lacks ten residues of the chain and has six of its own: what is common is copied."""
    chain = random_chain("a", 120, 0)
    extra = random_chain("x", 6, 9)
    sequence = chain.sequence[:40] + chain.sequence[50:80] + extra.sequence + chain.sequence[80:]
    coords = np.concatenate([chain.coords[:40], chain.coords[50:80], extra.coords, chain.coords[80:]])
    near = neighbours.find([chain], [ChainTrace("b", sequence, coords)], folder=tmp_path)
    copied = neighbours.copy_distances(120, near["a"])
    same = np.isfinite(copied) & (np.abs(copied - distances_of(chain)) < 1e-3)
    # Where a gap begins is ambiguous by a residue or so.
    assert same.sum() > 0.9 * 110**2
    assert np.isfinite(copied).sum() <= 112**2
    assert np.isnan(copied[44:46]).all()


def test_further_neighbours_fill_what_the_first_leaves_open(tmp_path: Path):
    chain = random_chain("a", 120, 0)
    half = ChainTrace("b", chain.sequence[:60], chain.coords[:60])
    holes = chain.coords.copy()
    holes[100:] = np.nan
    other = ChainTrace("c", chain.sequence, holes + 5 * np.arange(120, dtype=np.float32)[:, None])
    near = neighbours.find([chain], [half, other], folder=tmp_path)
    assert [len(neighbour.coords) for neighbour in near["a"]] == [120, 60]
    copied = neighbours.copy_distances(120, near["a"][::-1])
    assert copied[:60, :60] == pytest.approx(distances_of(chain)[:60, :60])
    assert copied[60:100, :100] == pytest.approx(distances_of(other)[60:100, :100])
    assert np.isnan(copied[100:]).all()


def test_without_neighbours_there_is_the_separation_null(small, tables: TrainingTables, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(neighbours, "align", lambda *_, **__: {})
    wanted = read_subset(small.split, "test")
    targets = [chain for chain in CHAINS.read_as(ChainSequence, *small.chains) if chain.chain_id in wanted]
    predicted = []
    for null in (neighbours.Null(), separation.Null()):
        null.fit(tables, tmp_path / "null")
        predicted.append(list(null.predict(tmp_path / "null", targets)))
    for ours, theirs in zip(*predicted, strict=True):
        assert ours.distances == pytest.approx(theirs.distances, abs=1e-4)
        assert ours.likely == pytest.approx(theirs.likely, abs=0.02) and ours.likely.shape[1] == BINS
        assert ours.turns == pytest.approx(theirs.turns, abs=0.02)


def error_of(row: PredictionRow, native: ChainTrace) -> float:
    return float(np.nanmean(np.abs(triangle.unpack(row.triu, row.length) - distances_of(native))))


def test_relatives_make_the_neighbours_null_better_than_the_separation_null(small, tmp_path: Path):
    """In the demo's split every test chain has relatives in training."""
    natives = {chain.chain_id: chain for chain in read_chains(small.chains, read_subset(small.split, "test"))}
    ours, theirs = (
        np.mean([error_of(row, natives[row.chain_id]) for row in PREDICTIONS.read(*predict(null, small, tmp_path))])
        for null in ("null_neighbours", "null_separation")
    )
    assert ours < 0.6 * theirs


def test_the_search_gives_the_same_bytes_with_more_threads(tables: TrainingTables, tmp_path: Path):
    fit("null_neighbours", tables, tmp_path / "one")
    fit("null_neighbours", replace(tables, threads=2), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_alignments_pair_equal_letters_as_often_as_their_identity_says(tmp_path: Path):
    query = random_chain("a", 200, 0).sequence
    changed = np.random.default_rng(1).choice(200, 30, replace=False)
    target = "".join("ACDY"[at % 4] if at in changed else letter for at, letter in enumerate(query))
    target = target[10:90] + target[95:150] + "WWWW" + target[150:]
    (alignment,) = align([query], [target], folder=tmp_path)[0]
    here, there = alignment.pairs()
    equal = sum(query[i] == target[j] for i, j in zip(here, there, strict=True))
    # MMseqs2 counts identity over all columns, gaps included; it gives three digits.
    columns = len(here) + (here[-1] - here[0] + 1 - len(here)) + (there[-1] - there[0] + 1 - len(there))
    assert equal / columns == pytest.approx(alignment.identity, abs=0.002)
    assert alignment.cigar.count("I") == alignment.cigar.count("D") == 1
