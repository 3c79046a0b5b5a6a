"""Files that are valid and unusual, or damaged in one place: nothing is doubled, misnamed or lost unseen."""

import gzip
import os
from pathlib import Path

import gemmi
import numpy as np
import polars as pl
import pytest

from proteinmtp.base.files import file_name
from proteinmtp.config import SourceConfig, TableSplit
from proteinmtp.structures.listing import list_source
from proteinmtp.structures.parse import ParsedChain, parse_file
from proteinmtp.structures.refusals import Refusal, Refused
from proteinmtp.structures.source import SourceError
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.tables.subset_table import read_subset_table

from ..support.parsing import ANY, atom
from ..support.traces import random_trace, write_trace

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRV"


def only(path: Path) -> ParsedChain | Refused:
    (item,) = parse_file(path, ANY).items
    return item


def chain_of(path: Path) -> ParsedChain:
    item = only(path)
    assert isinstance(item, ParsedChain), item
    return item


@pytest.mark.parametrize("number", ["24X ", "2B4 ", " 1.5", "1 2 ", " -- ", "    ", "1e3 ", "\t 24", "***"])
def test_a_damaged_residue_number_refuses_the_file_and_names_the_line(tmp_path: Path, number: str):
    lines = [atom(index, "ALA", "A", index, 3.8 * index) for index in range(1, 7)]
    lines[3] = lines[3][:22] + number.rjust(4) + lines[3][26:]
    (tmp_path / "x.pdb").write_text("".join(lines))
    item = only(tmp_path / "x.pdb")
    assert isinstance(item, Refused) and item.code == Refusal.UNREADABLE
    assert "line 4: unreadable residue number" in item.message


@pytest.mark.parametrize("number", ["   4", "4   ", " 4  ", "  -4", "-999", "9999", "A000", "zzzz"])
def test_residue_numbers_at_any_side_of_their_columns_are_read(tmp_path: Path, number: str):
    lines = [
        atom(1, "ALA", "A", 1, 0.0),
        atom(2, "GLY", "A", 2, 3.8),
        atom(3, "SER", "A", 3, 7.6),
        atom(4, "VAL", "A", 8, 11.4),
    ]
    lines[1] = lines[1][:22] + number + lines[1][26:]
    (tmp_path / "x.pdb").write_text("".join(lines))
    assert chain_of(tmp_path / "x.pdb").sequence == "AGSV"


@pytest.mark.parametrize("later", ["THR", "SER"])
@pytest.mark.parametrize("occupancy", [0.4, 0.6])
def test_alternate_locations_far_from_each_other_in_the_file_are_one_residue(
    tmp_path: Path, later: str, occupancy: float
):
    """The whole chain in its first location, then what has a second one, as some programs write it."""
    lines = [atom(1, "ALA", "A", 1, 0.0)]
    lines += [atom(2, "SER", "A", 2, 3.8, altloc="A", occupancy=1 - occupancy)]
    lines += [atom(3, "GLY", "A", 3, 7.6), atom(4, "VAL", "A", 4, 11.4)]
    lines += [atom(5, later, "A", 2, 4.0, altloc="B", occupancy=occupancy)]
    lines += [
        atom(6, "ALA", "B", 2, 50.0, altloc="A"),
        *(atom(7 + n, "GLY", "B", 3 + n, 53.8 + 3.8 * n) for n in range(4)),
    ]
    (tmp_path / "x.pdb").write_text("".join(lines))
    first, second = parse_file(tmp_path / "x.pdb", ANY).items
    assert isinstance(first, ParsedChain) and isinstance(second, ParsedChain)
    chosen = "T" if later == "THR" and occupancy > 0.5 else "S"
    assert (first.sequence, second.sequence) == (f"A{chosen}GV", "AGGGG")
    assert first.coords[:, 0].tolist() == pytest.approx([0, 4.0 if occupancy > 0.5 else 3.8, 7.6, 11.4])


@pytest.fixture
def mmcif(tmp_path: Path) -> gemmi.cif.Document:
    """A chain with its sequence, and all the columns that the wwPDB writes."""
    write_trace(tmp_path / "whole.cif", SEQUENCE, random_trace(len(SEQUENCE), 0), seqres=SEQUENCE + "GGG")
    document = gemmi.cif.read_string((tmp_path / "whole.cif").read_text())
    block = document.sole_block()
    loop = block.find_loop("_atom_site.id").get_loop()
    loop.add_columns(["_atom_site.auth_comp_id", "_atom_site.auth_atom_id"], "CA")
    for name, other in (("label_seq_id", "auth_seq_id"), ("auth_comp_id", "label_comp_id")):
        column, source = (block.find_loop(f"_atom_site.{tag}") for tag in (name, other))
        for row in range(loop.length()):
            column[row] = source[row]
    return document


@pytest.mark.parametrize("scheme", ["label_", "auth_"])
def test_mmcif_with_the_columns_of_one_naming_scheme_is_read(tmp_path: Path, mmcif, scheme: str):
    loop = mmcif.sole_block().find_loop("_atom_site.id").get_loop()
    kept = (f"_atom_site.{scheme}", "_atom_site.label_alt_id", "_atom_site.label_entity_id")
    for tag in [tag for tag in loop.tags if "label_" in tag or "auth_" in tag]:
        if not tag.startswith(kept):
            loop.remove_column(tag)
    (tmp_path / "x.cif").write_text(mmcif.as_string())
    chain = chain_of(tmp_path / "x.cif")
    assert chain.sequence == SEQUENCE + "GGG" and chain.observed.sum() == len(SEQUENCE)


@pytest.mark.parametrize("categories", [("_entity.",), ("_entity.", "_entity_poly.")])
def test_a_sequence_counts_without_a_table_of_entities(tmp_path: Path, mmcif, categories: tuple[str, ...]):
    for category in categories:
        mmcif.sole_block().find_mmcif_category(category).erase()
    (tmp_path / "x.cif").write_text(mmcif.as_string())
    assert chain_of(tmp_path / "x.cif").sequence == SEQUENCE + "GGG"
    assert parse_file(tmp_path / "x.cif", ANY).repairs == ("entity_table",)


def test_names_of_chains_may_be_long(tmp_path: Path, mmcif):
    block = mmcif.sole_block()
    for tag, name in (("auth_asym_id", "ribosome-large-subunit-L1"), ("label_asym_id", "another-long-name")):
        column = block.find_loop(f"_atom_site.{tag}")
        for row in range(len(column)):
            column[row] = name
    (tmp_path / "x.cif").write_text(mmcif.as_string())
    chain = chain_of(tmp_path / "x.cif")
    assert (chain.name, chain.sequence) == ("ribosome-large-subunit-L1", SEQUENCE + "GGG")
    np.testing.assert_allclose(chain.coords[: len(SEQUENCE)], random_trace(len(SEQUENCE), 0), atol=1e-3)


def test_an_error_of_mmcif_names_the_line_of_the_file(tmp_path: Path, mmcif):
    lines = mmcif.as_string().splitlines()
    filler = ["#", "loop_", "_software.name", *(f"tool{number}" for number in range(500)), "#"]
    last = max(index for index, line in enumerate(lines) if line.startswith("ATOM"))
    lines[last] += " 'open"
    lines[1:1] = filler
    (tmp_path / "x.cif").write_text("\n".join(lines) + "\n")
    item = only(tmp_path / "x.cif")
    assert isinstance(item, Refused) and f"data:{last + len(filler) + 1}:" in item.message


def test_a_phosphorus_atom_makes_no_rna(tmp_path: Path):
    """An inhibitor of residues that are in no table, linked through a phosphonate."""
    residues = [("0QE", "P"), ("0QE", "P"), ("0QE", "P"), ("0QE", "P")]
    lines = [atom(n, name, "I", n, 4.0 * n, name=of, record="HETATM") for n, (name, of) in enumerate(residues, 1)]
    (tmp_path / "x.pdb").write_text("".join(lines) + "TER\n")
    messages = [item.message for item in parse_file(tmp_path / "x.pdb", ANY).items if isinstance(item, Refused)]
    assert messages and not any("Rna" in message for message in messages)


def test_an_id_with_a_hash_is_not_that_of_another_file(tmp_path: Path):
    for name in ("col/col.pdb", "col2/col.pdb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    hashed = {file.path.parent.name: file.entry_id for file in list_folder(tmp_path)}
    (tmp_path / f"{hashed['col']}.pdb").write_text("named like the hash of another")
    (tmp_path / f"{hashed['col2'].upper()}.pdb").write_text("the same in capitals")
    ids = [file.entry_id.lower() for file in list_folder(tmp_path)]
    assert len(ids) == len(set(ids)) == 4


def test_two_entries_of_one_id_stop_before_any_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "twice_lab").mkdir()
    (tmp_path / "twice_lab" / "source.py").write_text(
        "from pathlib import Path\n"
        "from proteinmtp.structures.source import SourceBase, SourceFile\n\n\n"
        "class Source(SourceBase):\n"
        "    def list_files(self):\n"
        "        return [SourceFile('same', Path('one.pdb')), SourceFile('same', Path('two.pdb'))]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match=r"one\.pdb and two\.pdb are both entry same"):
        list_source(SourceConfig(kind="twice_lab.source"), tmp_path)


def test_a_file_and_the_same_one_packed_are_one_entry(tmp_path: Path):
    text = "".join(atom(n, "ALA", "A", n, 3.8 * n) for n in range(1, 6))
    (tmp_path / "x.pdb").write_text(text)
    (tmp_path / "x.pdb.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "y.pdb").write_text(text)
    (tmp_path / "y.pdb.gz").write_bytes(gzip.compress(text.replace("ALA", "GLY").encode()))
    os.mkfifo(tmp_path / "pipe.pdb.gz")
    (tmp_path / "pipe.pdb").write_text(text)
    (tmp_path / "z.pdb").write_text("z")
    (tmp_path / "z.pdb.gz").write_bytes(b"no gzip")
    problems = {file.path.name: file.problem and file.problem.code for file in list_folder(tmp_path)}
    assert problems == dict.fromkeys(["x.pdb", "y.pdb", "y.pdb.gz", "z.pdb", "z.pdb.gz", "pipe.pdb"]) | {
        "x.pdb.gz": Refusal.DUPLICATE_FILE,
        "pipe.pdb.gz": Refusal.UNREADABLE,
    }
    (alone,) = list_folder(tmp_path, limit=1)[:1]
    assert alone.problem is None, "a packed twin takes no place of the limit"
    assert "x" in {file.entry_id for file in list_folder(tmp_path)}, "nor the name of the other"


def test_a_table_of_subsets_may_name_files_as_they_are_called(tmp_path: Path):
    keys = {"my_prot_A": "train", "other.prot_1": "val", "a_b": "train", "a-b": "test", "x+y": "train", "x y": "val"}
    pl.DataFrame({"id": list(keys), "set": list(keys.values())}).write_csv(tmp_path / "t.csv")
    table = read_subset_table(TableSplit(path=str(tmp_path / "t.csv"), key="id", column="set"))
    assert table.find("my-prot_A", "my-prot") == (True, "train")
    assert table.find("other.prot-1_A", "other.prot-1") == (True, "val")
    assert table.find("a-b_A", "a-b") == (True, "test")
    assert table.find("x-y_A", "x-y") == (False, None), "two names with two words: neither is meant"


@pytest.mark.parametrize("name", ["a" * 251 + "_A", "é" * 120, "../../etc/passwd", "x_A"])
def test_a_name_from_data_becomes_a_file_that_can_be_written(tmp_path: Path, name: str):
    path = tmp_path / file_name(name, ".pdb")
    path.write_text("x")
    assert path.parent == tmp_path and path.name.endswith(".pdb") and len(path.name.encode()) < 220
    assert file_name(name, ".pdb") != file_name(name + "x", ".pdb")
