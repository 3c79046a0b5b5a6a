from pathlib import Path

import numpy as np
import pytest

from pipeline import comparator
from proteinmtp.config import ConfigError
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.predictors.comparator import confidence
from proteinmtp.predictors.matching import NoFitError, Target, Targets, natural_order
from proteinmtp.structures.source import SourceError
from proteinmtp.structures.sources.directory import folder_digest
from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.comparator_listing import ComparatorListing
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT, SplitRow

from ..support.traces import polymer, random_trace, write_trace

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def target(entry: str, letters: str) -> Target:
    return Target(chain_id=f"{entry}_A", entry_id=entry, sequence=letters)


def sequence(seed: int, length: int = 60) -> str:
    return "".join(np.random.default_rng(seed).choice(list(LETTERS), length))


class Data:
    """Six chains of five entries in two shards; the last one is not scored."""

    ids = (("7eoz", "A"), ("7eoz", "B"), ("1abc", "A"), ("T1024-D1", "A"), ("2xyz", "A"), ("9zzz", "A"))
    accessions = (None, None, None, None, "P12345", None)

    def __init__(self, folder: Path):
        self.folder, self.models = folder, folder / "models"
        self.models.mkdir()
        self.sequences = [sequence(seed) for seed in range(len(self.ids))]
        self.traces = [random_trace(60, seed) for seed in range(len(self.ids))]
        rows = [self.row(index) for index in range(len(self.ids))]
        self.chains = Shards(folder / "chains", 2)
        for shard, members in zip(self.chains, (rows[:3], rows[3:]), strict=True):
            CHAINS.write(shard, members)
        self.split = folder / "split.parquet"
        SPLIT.write(
            self.split,
            (
                SplitRow(
                    chain_id=row.chain_id, cluster_id="c", length=60, train=True, val=False, test=row.entry_id != "9zzz"
                )
                for row in rows
            ),
        )

    def row(self, index: int) -> ChainRow:
        entry, chain = self.ids[index]
        return ChainRow(
            chain_id=f"{entry}_{chain}",
            entry_id=entry,
            chain=chain,
            sequence=self.sequences[index],
            length=60,
            coords=self.traces[index],
            observed=np.ones(60, dtype=bool),
            resolution=None,
            method=None,
            year=None,
            affinity=None,
            uniprot=self.accessions[index],
            copies=1,
            breaks=0,
            source_sha256="",
        )

    def model(self, name: str, index: int, keep: slice = slice(None), **more) -> None:
        path = self.models / name
        path.parent.mkdir(exist_ok=True)
        numbers = np.arange(1, 61)[keep]
        write_trace(path, self.sequences[index][keep], self.traces[index][keep] + 7, numbers, **more)

    def run(self, models: Path | None = None) -> tuple[ComparatorListing, dict[str, PredictionRow]]:
        outputs = comparator.Outputs(predictions=Shards(self.folder / "out", 2), listing=self.folder / "af.json")
        comparator.run(
            comparator.Inputs(chains=self.chains, split=self.split),
            outputs,
            comparator.Options(name="af", folder=str(models or self.models), subset="test"),
        )
        rows = {row.chain_id: row for row in PREDICTIONS.read(*outputs.predictions)}
        return ComparatorListing.read(outputs.listing), rows


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def test_files_are_matched_by_name_accession_and_sequence(data: Data):
    data.model("7eoz_A_0.pdb.gz", 0)
    data.model("7eoz.cif", 1, chains="XY")  # named for the entry, and only chain B has this sequence
    data.model("server/T1024-D1TS001_1.pdb", 3)  # no whole word of the id, so by its sequence
    data.model("AF-p12345-F1-model_v4.cif", 4)
    listing, rows = data.run()
    by = {item.chain_id: (item.file, item.by) for item in listing.matched}
    assert by == {
        "7eoz_A": ("7eoz_A_0.pdb.gz", "chain_id"),
        "7eoz_B": ("7eoz.cif", "entry_id"),
        "T1024-D1_A": ("server/T1024-D1TS001_1.pdb", "sequence"),
        "2xyz_A": ("AF-p12345-F1-model_v4.cif", "uniprot"),
    }
    assert listing.files == 4 and not listing.unused and not listing.unmatched
    assert [(item.chain_id, item.reason) for item in listing.missing] == [("1abc_A", "no file for it")]
    assert set(rows) == set(by)
    np.testing.assert_allclose(rows["2xyz_A"].coords, data.traces[4] + 7, atol=2e-3)


def test_of_several_files_the_first_in_natural_order_is_taken(data: Data):
    for rank in (10, 2, 1):
        data.model(f"1abc_ranked_{rank}.pdb", 2)
    data.model("0-other-name.pdb", 2)  # sorts first, but matches by sequence only
    listing, _ = data.run()
    assert [item.file for item in listing.matched] == ["1abc_ranked_1.pdb"]
    assert [item.file for item in listing.unused] == ["0-other-name.pdb", "1abc_ranked_2.pdb", "1abc_ranked_10.pdb"]
    assert {item.reason for item in listing.unused} == {"1abc_ranked_1.pdb is taken for 1abc_A"}


def test_what_does_not_fit_is_listed_with_its_reason_and_stops_nothing(data: Data):
    data.model("7eoz_A.pdb", 5)
    data.sequences.append(sequence(99))
    data.traces.append(random_trace(60, 99))
    data.model("1abc_A.pdb", 6)
    data.model("stranger.pdb", 6)
    (data.models / "2xyz_A.pdb").write_bytes(b"\x1f\x8bbroken")
    (data.models / "notes.txt").write_text("not a structure")
    data.model("7eoz_B.pdb", 1)
    listing, rows = data.run()
    reasons = {item.file: item.reason for item in listing.unmatched}
    assert reasons["7eoz_A.pdb"] == "9zzz_A is not in the test subset"  # its sequence is what counts
    assert reasons["1abc_A.pdb"].startswith("named for 1abc_A, but only ")
    assert reasons["stranger.pdb"] == "no chain is named so or has this sequence"
    assert reasons["2xyz_A.pdb"].startswith("2xyz_A.pdb: ") and "notes.txt" not in reasons
    missing = {item.chain_id: item.reason for item in listing.missing}
    assert missing["1abc_A"].startswith("1abc_A.pdb: named for") and missing["2xyz_A"].startswith("2xyz_A.pdb: ")
    assert missing["T1024-D1_A"] == "no file for it"
    assert set(rows) == {"7eoz_B"}


def test_missing_residues_are_nan_and_confidence_is_on_one_scale(data: Data):
    data.model("7eoz_A.pdb", 0, slice(10, 50), b_factors=np.linspace(0.3, 0.9, 40))
    data.model("7eoz_B.pdb", 1, b_factors=np.linspace(30, 90, 60))
    data.model("1abc.pdb", 2)
    _, rows = data.run()
    part = rows["7eoz_A"]
    assert np.isfinite(part.coords).all(1).tolist() == [10 <= index < 50 for index in range(60)]
    assert np.isfinite(part.triu).sum() == 40 * 39 // 2
    assert part.confidence[10] == pytest.approx(30) and part.confidence[49] == pytest.approx(90)
    assert np.isnan(part.confidence[:10]).all()
    assert rows["7eoz_B"].confidence[[0, 59]].tolist() == pytest.approx([30, 90])
    assert rows["1abc_A"].confidence is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0, 0], None), ([-3, 50, 60], None), ([20, 120, 60], None), ([0.2, 1.0, np.nan], [20, 100, np.nan]),
     ([20, 100, 50], [20, 100, 50])],
)  # fmt: skip
def test_b_factors_are_confidence_only_if_they_can_be(values: list[float], expected: list[float] | None):
    plddt = confidence(np.array(values, dtype=np.float32))
    assert plddt is None if expected is None else np.allclose(plddt, expected, equal_nan=True)


def test_a_mutated_model_is_matched_by_its_sequence_a_distant_one_is_not():
    letters = sequence(1, 100)
    targets = Targets([target("1aaa", letters), target("1bbb", sequence(2, 100))])

    def fits(wrong: int) -> list[str]:
        changed = list(letters)
        for at in range(0, wrong * 7, 7):
            changed[at] = "W" if letters[at] != "W" else "A"
        model = polymer("".join(changed), random_trace(100, 0))
        return [fit.target.chain_id for fit in targets.fits("x", [model])]

    assert fits(8) == ["1aaa_A"]
    with pytest.raises(NoFitError, match="no chain is named so or has this sequence"):
        fits(14)


def test_names_are_whole_words():
    targets = Targets([target("1", "A" * 30), target("1abc", "A" * 30)])
    assert targets.named("model_1") == ("", [])
    assert targets.named("1")[1][0].chain_id == "1_A"
    assert targets.named("x1abcy") == ("", [])
    assert targets.named("rank-1.1ABC_a.v2")[1][0].chain_id == "1abc_A"
    names = ["m_10", "m_9", "m_1", "m"]
    assert sorted(names, key=natural_order) == ["m", "m_1", "m_9", "m_10"]


def test_the_folder_must_be_there_and_its_digest_follows_content(tmp_path: Path, data: Data):
    with pytest.raises(SourceError, match=r"comparators \(af\)\.folder: .* does not exist"):
        data.run(tmp_path / "gone")
    data.model("a.pdb", 0)
    cache = tmp_path / "cache.json"
    before = folder_digest(data.models, cache)
    (data.models / "a.pdb").touch()
    assert folder_digest(data.models, cache) == before
    data.model("b.pdb", 1)
    assert folder_digest(data.models, cache) != before


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([{"name": "distance", "folder": "x"}], "names must differ"),
        ([{"name": "null_mine", "folder": "x"}], "begin with null_"),
        ([{"name": "../up", "folder": "x"}], "pattern"),
        ([{"name": "af"}], "folder"),
        ([{"name": "af", "folder": "x"}, {"name": "af", "folder": "y"}], "names must differ"),
    ],
)
def test_names_of_comparators_are_checked(entries: list[dict], reason: str):
    with pytest.raises(ConfigError, match=reason):
        parse_config({"comparators": entries})
