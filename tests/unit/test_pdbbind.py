import logging
from pathlib import Path

import pytest

from proteinmtp.config import ParseConfig, SourceConfig
from proteinmtp.structures.listing import list_source
from proteinmtp.structures.parse import ParsedChain, parse_file
from proteinmtp.structures.source import SourceError, SourceFile
from proteinmtp.structures.sources.pdbbind.index import read_index

from ..support.parsing import small_demo
from ..support.project import write_pdbbind

LINES = """\
# PDB code, resolution, release year, -logKd/Ki, Kd/Ki, reference, ligand name
1abc  2.00  2004   4.70  Kd=20uM       // 1abc.pdf (LIG)
2abc  2.60  2010   0.40  Ki=400mM      // 2abc.pdf (NLG) isomer
3abc   NMR  2012  10.01  IC50=0.1nM    // 3abc.pdf (2-mer)
"""


def source(root: Path, **options: object) -> SourceConfig:
    return SourceConfig.model_validate({"kind": "pdbbind", "pdbbind": {"path": str(root)} | options})


def tree(root: Path, lines: str = LINES, codes: str = "1abc 2abc 3abc", index: str = "INDEX_general_PL_data.2020"):
    """Write an index and a folder with a protein for each code; a code may stand in a folder."""
    (root / "index").mkdir(parents=True)
    (root / "index" / index).write_text(lines)
    for code in codes.split():
        folder = root / code
        folder.mkdir(parents=True)
        (folder / f"{folder.name}_protein.pdb").write_text(f"REMARK {code}\n")
    return root


def listed(root: Path, **options: object) -> dict[str, SourceFile]:
    files = list_source(source(root, **options), root.parent / "results")
    assert len({file.entry_id for file in files}) == len(files)
    return {file.entry_id: file for file in files}


def problems(files: dict[str, SourceFile]) -> dict[str, str]:
    return {code: file.problem.code.value for code, file in files.items() if file.problem is not None}


def test_the_index_gives_resolution_year_affinity_and_uniprot(tmp_path: Path):
    root = tree(tmp_path / "pdbbind")
    (root / "index" / "INDEX_general_PL_name.2020").write_text(
        "# PDB code, release year, Uniprot ID, protein name\n1abc  2004  P00918  CARBONIC ANHYDRASE 2\n"
        "2abc  2010  ------  SOMETHING\nbroken\n"
    )
    files = listed(root)
    assert problems(files) == {}
    first = files["1abc"]
    assert first.path == root / "1abc" / "1abc_protein.pdb"
    assert (first.resolution, first.year, first.affinity, first.uniprot) == (2.0, 2004, 4.7, "P00918")
    assert files["2abc"].uniprot is None
    assert (files["3abc"].resolution, files["3abc"].affinity) == (None, 10.01)


@pytest.mark.parametrize(
    ("codes", "index", "kind"),
    [
        ("1abc refined-set/2abc v2020-other-PL/3abc", "INDEX_general_PL_data.2020", "general"),
        ("P-L/2001-2010/1abc P-L/2001-2010/2abc P-L/2011-2019/3abc", "INDEX_general_PL.2020R1.lst", "general"),
        ("refined-set/1abc refined-set/2abc refined-set/3abc", "INDEX_refined_data.2016", "refined"),
        ("1ABC 2ABC 3abc", "INDEX_refined_PL_data.2018", "refined"),
    ],
)
def test_the_layouts_of_all_releases_are_read(tmp_path: Path, codes: str, index: str, kind: str):
    root = tree(tmp_path / "pdbbind", codes=codes, index=index)
    files = listed(root, set=kind)
    assert problems(files) == {}
    assert [str(file.path.parent.relative_to(root)) for file in files.values()] == codes.split()


def test_the_index_may_lie_in_a_subset_or_in_the_root_and_the_newest_counts(tmp_path: Path):
    root = tree(tmp_path / "pdbbind", codes="refined-set/1abc")
    (root / "refined-set" / "index").mkdir()
    (root / "refined-set" / "index" / "INDEX_refined_data.2019").write_text(LINES.replace("4.70", "1.00"))
    (root / "INDEX_refined_data.2020").write_text(LINES)
    assert listed(root, set="refined")["1abc"].affinity == 4.7
    (root / "INDEX_refined_data.2020").unlink()
    assert listed(root, set="refined")["1abc"].affinity == 1.0


def test_affinities_follow_from_measurements_where_the_index_has_no_logarithms(tmp_path: Path):
    """-log10: 49 uM is 4.3098; 0.43 nM is 9.3665; 10 mM is 2; 5 fM is 14.301; 20 pM is 10.699."""
    path = tmp_path / "INDEX_general_PL.2020R1.lst"
    values = {"Kd=49uM": 4.3098, "Ki=0.43nM": 9.3665, "IC50<10mM": 2.0, "Kd~5fM": 14.301, "Ki>=20pM": 10.699}
    path.write_text("".join(f"1ab{i}  2.10  1982  {text}       // x.pdf (X)\n" for i, text in enumerate(values)))
    assert [row.affinity for row in read_index(path).values()] == pytest.approx(list(values.values()), abs=1e-4)


def test_missing_and_unindexed_entries_are_listed(tmp_path: Path):
    root = tree(tmp_path / "pdbbind", codes="1abc 9xyz P-L/abcde")
    (root / "2abc").mkdir()
    (root / "8xyz").mkdir()
    (root / "readme").mkdir()
    files = listed(root)
    assert problems(files) == {
        "2abc": "missing_file",
        "3abc": "missing_file",
        "8xyz": "not_indexed",
        "9xyz": "not_indexed",
        "abcde": "not_indexed",
    }
    messages = {code: file.problem.message for code, file in files.items() if file.problem is not None}
    assert "no 2abc_protein.pdb in" in messages["2abc"]
    assert "no folder 3abc" in messages["3abc"]
    assert messages["9xyz"] == "9xyz is not in INDEX_general_PL_data.2020"


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        ({"max_resolution": 2.5}, {"2abc": "resolution 2.6 A is worse than max_resolution 2.5 A", "3abc": "no resol"}),
        ({"first_year": 2010}, {"1abc": "released in 2004, before first_year 2010"}),
        ({"last_year": 2010}, {"3abc": "released in 2012, after last_year 2010"}),
    ],
)
def test_what_is_outside_the_limits_is_refused_with_the_numbers(tmp_path: Path, options: dict, reasons: dict[str, str]):
    files = listed(tree(tmp_path / "pdbbind"), **options)
    assert problems(files) == dict.fromkeys(reasons, "not_selected")
    for code, part in reasons.items():
        assert part in files[code].problem.message


def test_a_limit_takes_the_same_codes_of_what_is_left_in_every_tree(tmp_path: Path):
    codes = [f"{number}abc" for number in range(1, 10)]
    lines = "".join(f"{code}  2.00  {2000 + int(code[0])}  4.70\n" for code in codes)
    root = tree(tmp_path / "pdbbind", lines, " ".join(codes[:-1]))
    files = listed(root, limit=3, first_year=2002)
    reasons = problems(files)
    assert reasons["9abc"] == "missing_file"
    taken = files.keys() - reasons.keys()
    assert len(taken) == 3 and "1abc" not in taken
    (left_out,) = {file.problem.message[4:] for code, file in files.items() if reasons.get(code) == "not_selected"} - {
        ": released in 2001, before first_year 2002"
    }
    assert left_out == ": not among the 3 codes with the smallest hash, and there is a limit"
    more = listed(root, limit=4, first_year=2002)
    assert taken < more.keys() - problems(more).keys()
    assert problems(listed(root, limit=8)) == {"9abc": "missing_file"}


def test_malformed_lines_neither_stop_nor_vanish(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    lines = (
        "1abc  2.x0  MMIV   strong  Kd=20uM  // 1abc.pdf (LIG)\n"
        "2abc\n"
        "../../etc/passwd  2.00  2004  4.70\n"
        "\x00\x01é 3\n"
        "3abc  -1  2012  nan\n"
        "3ABC  2.00  2012  4.70\n"
        "4abc  2.00  2012  4.70\n"
    )
    with caplog.at_level(logging.WARNING):
        files = listed(tree(tmp_path / "pdbbind", lines, "1abc 2abc 3abc 4abc"))
    assert set(files) == {"1abc", "2abc", "3abc", "4abc"}
    for code in ("1abc", "2abc", "3abc"):
        file = files[code]
        assert (file.resolution, file.year if code != "3abc" else None, file.affinity) == (None, None, None)
    assert files["3abc"].year == 2012
    for expected in (
        "INDEX_general_PL_data.2020: line 1: 1abc has no readable resolution and year and affinity",
        "line 2: 2abc has no readable",
        "line 3 has no PDB code",
        "line 4 has no PDB code",
        "line 5: 3abc has no readable resolution and affinity",
        "line 6: 3ABC stands there already",
    ):
        assert expected in caplog.text
    assert "line 7" not in caplog.text


def test_a_file_full_of_rubbish_gives_few_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    root = tree(tmp_path / "pdbbind", "1abc  2.00  2004  4.70\n" + "?\n" * 5000, "1abc")
    listed(root)
    assert len(caplog.records) < 30
    assert "4980 more lines" in caplog.text


def test_a_tree_without_folder_index_or_rows_is_named(tmp_path: Path):
    with pytest.raises(SourceError, match=r"source\.pdbbind\.path: .*nowhere does not exist; name the folder"):
        listed(tmp_path / "nowhere")
    root = tmp_path / "pdbbind"
    root.mkdir()
    with pytest.raises(SourceError, match=r"source\.pdbbind\.path: no index of the general set .*PL_data\.<year>"):
        listed(root)
    (root / "INDEX_general_PL_data.2020").write_text("# nothing\n???\n")
    with pytest.raises(SourceError, match=r"no line of .*INDEX_general_PL_data\.2020 begins with a PDB code"):
        listed(root)


def test_packed_proteins_and_equal_bytes(tmp_path: Path, shared: Path):
    packed = (shared / "entries" / "galaxywater" / "1dqn_protein.pdb.gz").read_bytes()
    root = tree(tmp_path / "pdbbind", codes="3abc")
    for code in ("1abc", "2abc"):
        (root / code).mkdir()
        (root / code / f"{code}_protein.pdb.gz").write_bytes(packed)
    files = listed(root)
    assert problems(files) == {"2abc": "duplicate_file"}
    assert files["1abc"].path.name == "1abc_protein.pdb.gz"


def test_proteins_of_the_tree_are_parsed(tmp_path: Path):
    root = write_pdbbind(tmp_path / "pdbbind", sorted(small_demo(tmp_path / "demo").glob("f*.pdb")))
    files = listed(root)
    assert len(files) == 4 and problems(files) == {}
    for file in files.values():
        assert all(isinstance(item, ParsedChain) for item in parse_file(file.path, ParseConfig()).items)
