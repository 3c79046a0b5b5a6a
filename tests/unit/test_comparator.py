import json
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.config.whole import ConfigError, parse_config
from proteinmtp.tables.schemas import CHAINS, SPLIT
from proteinmtp.tables.parquet import read_all, write_rows
from proteinmtp.predictors.comparator import confidence, write_comparator
from proteinmtp.predictors.matching import Target, Targets, natural_order
from proteinmtp.structures.sources import SourceError
from proteinmtp.structures.sources.directory import folder_digest

from ..support.traces import polymer, random_trace, write_trace

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


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
        self.shards = [folder / "000.parquet", folder / "001.parquet"]
        write_rows(self.shards[0], CHAINS, rows[:3])
        write_rows(self.shards[1], CHAINS, rows[3:])
        self.split = folder / "split.parquet"
        write_rows(self.split, SPLIT, ({"chain_id": row["chain_id"], "cluster_id": "c", "length": 60, "train": True,
                                        "val": False, "test": row["entry_id"] != "9zzz"} for row in rows))  # fmt: skip

    def row(self, index: int) -> dict:
        entry, chain = self.ids[index]
        known = {"chain_id": f"{entry}_{chain}", "entry_id": entry, "chain": chain, "sequence": self.sequences[index],
                 "length": 60, "coords": self.traces[index], "observed": np.ones(60, dtype=bool), "copies": 1,
                 "breaks": 0, "uniprot": self.accessions[index], "source_sha256": ""}  # fmt: skip
        return {field.name: known.get(field.name) for field in CHAINS}

    def model(self, name: str, index: int, keep: slice = slice(None), **more) -> None:
        path = self.models / name
        path.parent.mkdir(exist_ok=True)
        numbers = np.arange(1, 61)[keep]
        write_trace(path, self.sequences[index][keep], self.traces[index][keep] + 7, numbers, **more)

    def run(self) -> tuple[dict, dict[str, dict]]:
        outputs = [self.folder / f"out-{shard}.parquet" for shard in range(2)]
        write_comparator("af", self.models, self.shards, self.split, "test", outputs, self.folder / "af.json")
        rows = {row["chain_id"]: row for row in read_all(outputs)}
        return json.loads((self.folder / "af.json").read_text()), rows


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def test_files_are_matched_by_name_accession_and_sequence(data: Data):
    data.model("7eoz_A_0.pdb.gz", 0)
    data.model("7eoz.cif", 1, chains="XY")  # named for the entry, and only chain B has this sequence
    data.model("server/T1024-D1TS001_1.pdb", 3)  # no whole word of the id, so by its sequence
    data.model("AF-p12345-F1-model_v4.cif", 4)
    found, rows = data.run()
    by = {item["chain_id"]: (item["file"], item["by"]) for item in found["matched"]}
    assert by == {
        "7eoz_A": ("7eoz_A_0.pdb.gz", "chain_id"),
        "7eoz_B": ("7eoz.cif", "entry_id"),
        "T1024-D1_A": ("server/T1024-D1TS001_1.pdb", "sequence"),
        "2xyz_A": ("AF-p12345-F1-model_v4.cif", "uniprot"),
    }
    assert found["files"] == 4 and not found["unused"] and not found["unmatched"]
    assert found["missing"] == [{"chain_id": "1abc_A", "reason": "no file for it"}]
    assert set(rows) == set(by)
    np.testing.assert_allclose(rows["2xyz_A"]["coords"], data.traces[4] + 7, atol=2e-3)


def test_of_several_files_the_first_in_natural_order_is_taken(data: Data):
    for rank in (10, 2, 1):
        data.model(f"1abc_ranked_{rank}.pdb", 2)
    data.model("0-other-name.pdb", 2)  # sorts first, but matches by sequence only
    found, _ = data.run()
    assert [item["file"] for item in found["matched"]] == ["1abc_ranked_1.pdb"]
    assert [item["file"] for item in found["unused"]] == ["0-other-name.pdb", "1abc_ranked_2.pdb", "1abc_ranked_10.pdb"]
    assert {item["reason"] for item in found["unused"]} == {"1abc_ranked_1.pdb is taken for 1abc_A"}


def test_what_does_not_fit_is_listed_with_its_reason_and_stops_nothing(data: Data):
    data.model("7eoz_A.pdb", 5)
    data.sequences.append(sequence(99))
    data.traces.append(random_trace(60, 99))
    data.model("1abc_A.pdb", 6)
    data.model("stranger.pdb", 6)
    (data.models / "2xyz_A.pdb").write_bytes(b"\x1f\x8bbroken")
    (data.models / "notes.txt").write_text("not a structure")
    data.model("7eoz_B.pdb", 1)
    found, rows = data.run()
    reasons = {item["file"]: item["reason"] for item in found["unmatched"]}
    assert reasons["7eoz_A.pdb"] == "9zzz_A is not in the test subset"  # its sequence is what counts
    assert reasons["1abc_A.pdb"].startswith("named for 1abc_A, but only ")
    assert reasons["stranger.pdb"] == "no chain is named so or has this sequence"
    assert reasons["2xyz_A.pdb"].startswith("2xyz_A.pdb: ") and "notes.txt" not in reasons
    missing = {item["chain_id"]: item["reason"] for item in found["missing"]}
    assert missing["1abc_A"].startswith("1abc_A.pdb: named for") and missing["2xyz_A"].startswith("2xyz_A.pdb: ")
    assert missing["T1024-D1_A"] == "no file for it"
    assert set(rows) == {"7eoz_B"}


def test_missing_residues_are_nan_and_confidence_is_on_one_scale(data: Data):
    data.model("7eoz_A.pdb", 0, slice(10, 50), b_factors=np.linspace(0.3, 0.9, 40))
    data.model("7eoz_B.pdb", 1, b_factors=np.linspace(30, 90, 60))
    data.model("1abc.pdb", 2)
    _, rows = data.run()
    part = rows["7eoz_A"]
    assert np.isfinite(part["coords"]).all(1).tolist() == [10 <= index < 50 for index in range(60)]
    assert np.isfinite(part["triu"]).sum() == 40 * 39 // 2
    assert part["confidence"][10] == pytest.approx(30) and part["confidence"][49] == pytest.approx(90)
    assert np.isnan(part["confidence"][:10]).all()
    assert rows["7eoz_B"]["confidence"][[0, 59]].tolist() == pytest.approx([30, 90])
    assert rows["1abc_A"]["confidence"] is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0, 0], None), ([-3, 50, 60], None), ([20, 120, 60], None), ([0.2, 1.0, np.nan], [20, 100, np.nan]),
     ([20, 100, 50], [20, 100, 50])],
)  # fmt: skip
def test_b_factors_are_confidence_only_if_they_can_be(values: list[float], expected: list[float] | None):
    found = confidence(np.array(values, dtype=np.float32))
    assert found is None if expected is None else np.allclose(found, expected, equal_nan=True)


def test_a_mutated_model_is_matched_by_its_sequence_a_distant_one_is_not():
    letters = sequence(1, 100)
    targets = Targets([Target("1aaa_A", "1aaa", letters), Target("1bbb_A", "1bbb", sequence(2, 100))])
    for wrong, expected in ((8, ["1aaa_A"]), (14, [])):
        changed = list(letters)
        for at in range(0, wrong * 7, 7):
            changed[at] = "W" if letters[at] != "W" else "A"
        found, _ = targets.fits("x", [polymer("".join(changed), random_trace(100, 0))])
        assert [fit.target.chain_id for fit in found] == expected


def test_names_are_whole_words():
    targets = Targets([Target("1_A", "1", "A" * 30), Target("1abc_A", "1abc", "A" * 30)])
    assert targets.named("model_1") == ("", [])
    assert targets.named("1")[1][0].chain_id == "1_A"
    assert targets.named("x1abcy") == ("", [])
    assert targets.named("rank-1.1ABC_a.v2")[1][0].chain_id == "1abc_A"
    names = ["m_10", "m_9", "m_1", "m"]
    assert sorted(names, key=natural_order) == ["m", "m_1", "m_9", "m_10"]


def test_the_folder_must_be_there_and_its_digest_follows_content(tmp_path: Path, data: Data):
    with pytest.raises(SourceError, match=r"comparators \(af\)\.folder: .* does not exist"):
        write_comparator("af", tmp_path / "gone", data.shards, data.split, "test", [], tmp_path / "x.json")
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
