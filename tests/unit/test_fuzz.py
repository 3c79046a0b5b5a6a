"""Broken files: a few hundred mutants here, ten thousand in `tests/slow`."""

from pathlib import Path

import pytest

from proteinmtp.config import ParseConfig
from proteinmtp.structures.mmcif_records import mmcif_records
from proteinmtp.structures.parse import Parsed, parse_file
from proteinmtp.structures.records import is_mmcif, read_bytes
from proteinmtp.structures.refusals import Refusal, Refused
from proteinmtp.structures.sources.directory import list_folder

from ..support.fuzz import Seed, make_seeds, mutants, write_bomb, write_long_line, write_oddities
from ..support.fuzz_checks import disagreement, faults, our_trace
from ..support.parsing import ANY, atom, directory, parsed_tables

MUTANTS = 400
ALA = [atom(i, "ALA", "A", i, 3.8 * i).encode() for i in range(1, 11)]
TAGS = (
    *("group_PDB", "id", "type_symbol", "label_atom_id", "auth_atom_id", "label_alt_id", "label_comp_id"),
    *("label_asym_id", "label_entity_id", "label_seq_id", "auth_seq_id", "pdbx_PDB_ins_code", "auth_asym_id"),
    *("Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv", "pdbx_PDB_model_num"),
)


@pytest.fixture(scope="module")
def seeds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Seed]:
    try:
        shared = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        shared = None
    return make_seeds(tmp_path_factory.mktemp("seeds"), shared)


def parse(path: Path, content: bytes) -> Parsed:
    path.write_bytes(content)
    return parse_file(path, ANY)


def table(label: str, author: str, last: str | None = None) -> bytes:
    """Return an aligned mmCIF text of ten alanines, a nitrogen and a C-alpha each; the C-alpha has these two names.

    Parameters:
        label, author: `label_atom_id` and `auth_atom_id` of the C-alphas.
        last: a column to move to the end.
    """
    rows = []
    for i in range(1, 11):
        for one, two, x in (("N", "N", 3.8 * i - 1), (label, author, 3.8 * i)):
            rows.append(f"ATOM {i} {two[0]} {one} {two} . ALA A 1 {i} {i} ? A {x:.3f} 0.0 0.0 1.0 20.0 1".split())
    tags = [*TAGS]
    if last is not None:
        order = [*(n for n in range(len(tags)) if tags[n] != last), tags.index(last)]
        tags, rows = [tags[n] for n in order], [[row[n] for n in order] for row in rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(tags))]
    lines = ["data_x", "loop_", *(f"_atom_site.{tag}" for tag in tags)]
    lines += [" ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, ""]).encode()


def test_whole_files_are_read_as_gemmi_reads_them(seeds: list[Seed]):
    assert len(seeds) >= 10
    assert not [
        (seed.name, faulty)
        for seed in seeds
        if (faulty := disagreement(seed.text, is_mmcif(seed.text) or seed.mmcif)) is not None
    ]


def test_mutants_give_sound_chains_or_a_reason_and_the_positions_of_the_file(seeds: list[Seed], tmp_path: Path):
    wrong = []
    for mutant in mutants(seeds, MUTANTS):
        path = tmp_path / mutant.name
        faulty: list[str | None] = [*faults(parse(path, mutant.content))]
        try:
            text = read_bytes(path, 1 << 30)
        except Exception:  # a broken gzip stream, which parse_file has refused
            text = b""
        faulty.append(disagreement(text, is_mmcif(text) or ".cif" in mutant.name or ".mmcif" in mutant.name))
        wrong += [(mutant.name, mutant.done, item) for item in faulty if item]
    assert not wrong


def test_mutants_are_repeated_by_their_number(seeds: list[Seed]):
    once, again = list(mutants(seeds, 20, 1)), list(mutants(seeds, 20, 1))
    assert once == again != list(mutants(seeds, 20, 2))


def test_a_bomb_and_an_endless_line_are_refused_before_they_are_unpacked(tmp_path: Path):
    write_bomb(tmp_path / "bomb.pdb.gz", 40)
    write_long_line(tmp_path / "line.pdb", 40_000_000)
    for name in ("bomb.pdb.gz", "line.pdb"):
        (refused,) = parse_file(tmp_path / name, ParseConfig(max_megabytes=1)).items
        assert isinstance(refused, Refused) and refused.code is Refusal.TOO_LARGE


def test_what_is_no_file_is_accounted_for_and_never_opened(tmp_path: Path):
    folder, results = tmp_path / "folder", tmp_path / "results"
    folder.mkdir()
    count = write_oddities(folder)
    tables = parsed_tables(directory(folder), results)
    rows = {row.entry_id: row for row in tables.quarantine}
    assert len(rows) == count == tables.intake.files
    assert [rows[name].stage for name in ("pipe", "device", "latin-")] == ["source"] * 3
    assert "a pipe, socket or device" in rows["pipe"].message
    assert "not UTF-8" in rows["latin-"].message
    assert [file.entry_id for file in list_folder(folder, ids="header")] == sorted(rows)


@pytest.mark.parametrize("column", [0, 55, 60])
def test_a_nul_byte_loses_no_residue(tmp_path: Path, column: int):
    lines = [*ALA]
    lines[4] = lines[4][:column] + b"\0" + lines[4][column + 1 :]
    (item,) = parse(tmp_path / "x.pdb", b"".join(lines)).items
    assert isinstance(item, Refused) and item.code is Refusal.UNREADABLE


def test_quotes_around_a_name_change_nothing():
    assert our_trace(table('"CA"', "CA"), True) == our_trace(table("CA", "CA"), True) != {}


@pytest.mark.parametrize("last", TAGS)
def test_any_column_may_be_the_last(last: str):
    text = table("CA", "CA", last)
    assert mmcif_records(text).left_out == (10 if last != "group_PDB" else 0)
    assert our_trace(text, True) == our_trace(table("CA", "CA"), True) != {}


def test_atoms_are_chosen_by_the_name_that_gemmi_gives_them():
    assert our_trace(table("A", "CA"), True) == our_trace(table("CA", "CA"), True) != {}


def test_a_residue_number_of_white_space_is_unreadable(tmp_path: Path):
    text = b"".join(ALA).replace(b"A   5 ", b"A   \t ")
    (item,) = parse(tmp_path / "x.pdb", text).items
    assert isinstance(item, Refused) and item.code is Refusal.UNREADABLE


def test_a_comment_amid_a_loop_that_is_not_needed_harms_nothing():
    citation = b"data_x\n_entry.id x\n#\nloop_\n_citation.id\n_citation.title\na b\n# a comment\nc d\n#\n"
    assert len(our_trace(table("CA", "CA").replace(b"data_x\n", citation), True)["A"]) == 10


def test_a_file_without_a_data_block_says_so(tmp_path: Path):
    (item,) = parse(tmp_path / "x.cif", b"# nothing\n").items
    assert isinstance(item, Refused) and "IndexError" not in item.message


def test_a_message_is_one_line_whatever_the_file_is_called(tmp_path: Path):
    (item,) = parse(tmp_path / "a\nb.pdb", b"END\n").items
    assert isinstance(item, Refused) and "\n" not in item.message


def test_a_file_may_end_with_a_short_remark(tmp_path: Path):
    (item,) = parse(tmp_path / "x.pdb", b"".join(ALA) + b"REMARK\n").items
    assert not isinstance(item, Refused)


def test_a_carriage_return_amid_a_line_is_not_shown_as_one(tmp_path: Path):
    text = b"".join(ALA).replace(b"  19.000", b" 19\r.000")
    (item,) = parse(tmp_path / "x.pdb", text).items
    assert isinstance(item, Refused) and len(item.message.splitlines()) == 1
