import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteinmtp.base.metrics import NAMES
from proteinmtp.config import DemoSource
from proteinmtp.scoring.files import ScoreError, is_related
from proteinmtp.scoring.files import score_files as score
from proteinmtp.structures.pairing import pair
from proteinmtp.structures.protein_chains import read_protein_chains
from proteinmtp.structures.synthetic import write_demo
from proteinmtp.tables.file_scores import FileScores, PairsTableError, read_pairs

from ..support.command import proteinmtp
from ..support.program import needs_program, program_scores
from ..support.traces import random_trace, write_trace

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKAL"


@pytest.fixture
def pair_files(tmp_path: Path) -> tuple[Path, Path]:
    """A native of which five residues were not observed, and a noisy model of all, as mmCIF."""
    trace = random_trace(len(SEQUENCE), 0)
    seen = np.r_[0:20, 25:62]
    letters = "".join(SEQUENCE[place] for place in seen)
    write_trace(tmp_path / "native.pdb", letters, trace[seen], seen + 101, chains="B", seqres=SEQUENCE)
    noisy = trace + np.random.default_rng(1).normal(0, 0.4, trace.shape)
    write_trace(tmp_path / "model.cif", SEQUENCE, noisy, b_factors=np.full(len(SEQUENCE), 80))
    return tmp_path / "native.pdb", tmp_path / "model.cif"


def score_files(native: Path, model: Path, sequence: str | None = None, **more: str) -> FileScores:
    return score(native=native, model=model, sequence=sequence, **more)


def test_a_pair_is_printed_for_people_and_machines(pair_files: tuple[Path, Path]):
    done = proteinmtp("score", *pair_files)
    text = done.stdout
    assert done.exit_code == 0
    assert "native native.pdb, chain 'B': 57 of 62 residues observed" in text and "57 of them placed" in text
    assert "RMSD, Å" in text and "radius of gyration, Å" in text and text.count("lDDT") == 1
    values = json.loads(proteinmtp("score", *pair_files, "--json").stdout)
    assert list(values)[-len(NAMES) :] == list(NAMES)
    assert (values["length"], values["observed"], values["placed"], values["identity"]) == (62, 57, 57, 1)
    assert 0.3 < values["rmsd"] < 1 and values["tm_score"] > 0.8


@needs_program
def test_scores_of_files_are_those_of_the_program(tmp_path: Path):
    """Members of a family of the demo, as PDB and mmCIF; where ours is above, a better superposition was found."""
    write_demo(tmp_path / "demo", DemoSource(families=2, members=4), 0)
    paths = sorted((tmp_path / "demo").glob("f00m*"))
    traces = {path: read_protein_chains(path)[0] for path in paths}
    for native, model in itertools.permutations(paths[:3], 2):
        both = pair(traces[native], traces[model])
        seen = np.isfinite(both.native).all(1) & np.isfinite(both.model).all(1)
        theirs = program_scores(tmp_path, both.model[seen].round(3), both.native[seen].round(3))
        ours = score_files(native, model).scores
        share = seen.sum() / np.isfinite(both.native).all(1).sum()  # the program divides by what it is given
        for name, value in theirs.items():
            assert -2e-4 <= ours[name] - value * share <= 0.1, (native.name, model.name, name)


def test_residues_that_the_model_lacks_lower_tm_score_and_lddt_but_not_rmsd(pair_files: tuple[Path, Path]):
    native, model = pair_files
    whole = score_files(native, model)
    trace = random_trace(len(SEQUENCE), 0)
    write_trace(model.with_name("half.pdb"), SEQUENCE[30:], trace[30:], np.arange(31, 63))
    half = score_files(native, model.with_name("half.pdb"))
    assert (half.placed, half.observed) == (32, 57)
    assert half.scores["rmsd"] < 1e-2 < whole.scores["rmsd"]
    assert half.scores["tm_score"] == pytest.approx(32 / 57, abs=1e-3)
    assert half.scores["gdt_ts"] == pytest.approx(32 / 57, abs=1e-6)
    assert half.scores["lddt"] < 32 / 57


def test_a_full_sequence_that_cannot_be_is_refused(pair_files: tuple[Path, Path]):
    native, model = pair_files
    with pytest.raises(ScoreError, match="one-letter codes"):
        score_files(native, model, SEQUENCE[:30] + "*")
    with pytest.raises(ScoreError, match=r"native\.pdb: only \d+ of 57 residues have a place"):
        score_files(native, model, SEQUENCE[:10])
    spaced = score_files(native, model, SEQUENCE[:30].lower() + " " + SEQUENCE[30:])
    assert (spaced.length, spaced.identity) == (62, 1)


def test_a_table_goes_on_after_a_row_with_a_bad_sequence(pair_files: tuple[Path, Path]):
    folder = pair_files[0].parent
    rows = ["native,model,seqres", f"native.pdb,model.cif,{SEQUENCE}*", "native.pdb,model.cif,"]
    (folder / "pairs.csv").write_text("\n".join(rows))
    done = proteinmtp("score", "--table", folder / "pairs.csv", "--output", folder / "out.tsv")
    scores = pl.read_csv(folder / "out.tsv", separator="\t")
    assert done.exit_code == 0 and scores["error"].is_null().to_list() == [False, True]


def test_coordinates_beyond_reason_are_refused_at_once(pair_files: tuple[Path, Path]):
    native, model = pair_files
    trace = random_trace(len(SEQUENCE), 0)
    trace[5] = 1e10
    write_trace(model.with_name("far.cif"), SEQUENCE, trace)
    with pytest.raises(ScoreError, match=r"far\.cif: chain .* has a coordinate beyond"):
        score_files(native, model.with_name("far.cif"))


def test_a_model_of_another_protein_is_scored_with_a_warning(
    pair_files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
):
    native, model = pair_files
    score_files(native, model)
    assert not caplog.messages
    other = model.with_name("other.cif")
    write_trace(other, "WPWDC" * 12, random_trace(60, 3))
    score_files(native, other)
    assert [text for text in caplog.messages if "another protein" in text and text.startswith("other.cif: ")]


def test_chains_are_chosen(pair_files: tuple[Path, Path]):
    native, _ = pair_files
    both = native.with_name("both.pdb")
    trace = random_trace(40, 4)
    write_trace(both, "GASGASGASGSGASGASGASGSGASGASGASGSGASGASG"[:40], trace, chains="XY")
    text = both.read_text().replace("END", "")
    other = native.with_name("c.pdb")
    write_trace(other, SEQUENCE, random_trace(len(SEQUENCE), 0), chains="C")
    both.write_text(text + other.read_text())
    assert score_files(native, both).model_chain == "C"
    assert score_files(native, both, model_chain="X", native_chain="B").model_chain == "X"
    with pytest.raises(ScoreError, match=r"both\.pdb: no protein chain 'Q'; it has 'X', 'Y', 'C'"):
        score_files(native, both, model_chain="Q")


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_a_bad_pair_of_a_table_has_its_reason_and_the_others_go_on(
    pair_files: tuple[Path, Path], tmp_path: Path, name: str
):
    (tmp_path / "broken.pdb").write_bytes(b"\x1f\x8bnot gzip")
    rows = ["name,native,model", "good,native.pdb,model.cif", "bad,native.pdb,broken.pdb", "gone,native.pdb,gone.pdb",
            "none,native.pdb,", "again,native.pdb,model.cif"]  # fmt: skip
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n")
    assert proteinmtp("score", "--table", tmp_path / "pairs.csv", "--output", tmp_path / name).exit_code == 0
    scores = (pl.read_csv if name.endswith("csv") else pl.read_parquet)(tmp_path / name)
    assert scores["name"].to_list() == ["good", "bad", "gone", "none", "again"]
    assert [error is None for error in scores["error"]] == [True, False, False, False, True]
    assert scores["error"][1].startswith("broken.pdb: ") and "gone.pdb" in scores["error"][2]
    assert scores["tm_score"].is_null().to_list() == [False, True, True, True, False]
    assert scores["tm_score"][0] == pytest.approx(score_files(*pair_files).scores["tm_score"])


def test_nothing_scored_is_a_failure(tmp_path: Path):
    (tmp_path / "pairs.csv").write_text("native,model\na.pdb,b.pdb\n")
    done = proteinmtp("score", "--table", tmp_path / "pairs.csv", "--output", tmp_path / "scores.csv")
    assert done.exit_code == 65 and "none of the pairs" in done.stderr
    assert (tmp_path / "scores.csv").is_file()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("native,other\na,b\n", "no column model"), ("native,model\n", "no rows"), ("", "empty")],
)  # fmt: skip
def test_a_table_without_pairs_is_refused(tmp_path: Path, text: str, reason: str):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(PairsTableError, match=reason):
        read_pairs(tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "NATIVE MODEL"), (["one.pdb"], "NATIVE MODEL"), (["one.pdb", "two.pdb", "--pairing", "luck"], "'luck'")],
)
def test_what_score_takes_is_said_with_the_exit_code_of_wrong_usage(arguments: list[str], message: str):
    done = proteinmtp("score", *arguments)
    assert done.exit_code == 2 and message in done.stderr


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path):
    (tmp_path / "broken.pdb").write_bytes(b"\x1f\x8bnot gzip")
    done = proteinmtp("score", tmp_path / "broken.pdb", tmp_path / "broken.pdb")
    assert done.exit_code == 65 and done.stderr.startswith("error: broken.pdb: ") and done.stderr.count("\n") == 1


def test_compiling_is_announced_once():
    program = (
        "import logging, numba; logging.basicConfig(level=logging.INFO); import proteinmtp.geometry.compiled\n"
        "for step in (1, 2): numba.njit(lambda x: x + step)(1)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("functions are compiled for the first use") == 1


@pytest.mark.parametrize(
    ("placed", "identity", "related"),
    [(31, 0.35, False), (31, 0.6, True), (73, 0.32, False), (150, 0.31, True), (150, 0.29, False), (2000, 0.25, False),
     (5, 1.0, True)],
)  # fmt: skip
def test_few_residues_must_be_more_alike_to_be_of_one_family(placed: int, identity: float, related: bool):
    assert is_related(placed, identity) is related
