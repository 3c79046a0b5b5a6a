import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest

from pipeline.config_data import DemoSource, ParseConfig, SourceConfig
from pipeline.dataset.distances import write_distances
from pipeline.dataset.tables import read_metadata, read_rows
from pipeline.geometry.distances import unpack_upper
from pipeline.structures.demo import AMINO_ACIDS, make_family, make_member, write_demo
from pipeline.structures.listing import write_manifest
from pipeline.structures.parse import Chain, parse_file
from pipeline.structures.refusals import Refusal, Refused
from pipeline.structures.sources.directory import list_folder
from pipeline.structures.stages import parse_shard

ANY = ParseConfig(min_length=4, min_observed=0, max_unknown=1, max_bond_outliers=1, copies="all")


def atom(serial, residue, chain, number, x, *, name="CA", altloc=" ", insertion=" ", occupancy=1.0, record="ATOM  "):
    return (
        f"{record}{serial:5d}  {name:<3s}{altloc}{residue:3s} {chain}{number:4d}{insertion}   "
        f"{x:8.3f}{0:8.3f}{0:8.3f}{occupancy:6.2f}{20:6.2f}          {name[0]:>2s}\n"
    )


def read(tmp_path: Path, text: str, limits: ParseConfig = ANY) -> list[Chain | Refused]:
    path = tmp_path / "x.pdb"
    path.write_text(text)
    return parse_file(path, limits).items


def test_residues_of_seqres_without_atoms_are_nan(tmp_path: Path):
    text = "SEQRES   1 A    6  GLY ALA SER THR VAL LEU\n" + "".join(
        atom(i, residue, "A", number, 3.8 * number)
        for i, (residue, number) in enumerate([("ALA", 2), ("SER", 3), ("VAL", 5), ("LEU", 6)])
    )
    (chain,) = read(tmp_path, text)
    assert chain.sequence == "GASTVL"
    assert chain.observed.tolist() == [False, True, True, False, True, True]
    assert chain.coords[4, 0] == pytest.approx(19.0)


def test_the_alternate_location_with_more_occupancy_wins(tmp_path: Path):
    text = "".join(atom(i, "ALA", "A", i, 3.8 * i) for i in range(1, 5))
    text += atom(5, "GLY", "A", 5, 10, altloc="A", occupancy=0.3) + atom(
        6, "GLY", "A", 5, 20, altloc="B", occupancy=0.7
    )
    (chain,) = read(tmp_path, text)
    assert chain.sequence == "AAAAG"
    assert chain.coords[4, 0] == pytest.approx(20.0)


def test_modified_residues_are_their_parent_and_insertion_codes_count(tmp_path: Path):
    text = atom(1, "MSE", "A", 1, 0, record="HETATM") + atom(2, "SEP", "A", 2, 3.8, record="HETATM")
    text += atom(3, "ALA", "A", 3, 7.6) + atom(4, "GLY", "A", 3, 11.4, insertion="A") + atom(5, "LEU", "A", 4, 15.2)
    (chain,) = read(tmp_path, text)
    assert chain.sequence == "MSAGL"
    assert chain.observed.all()


def test_a_calcium_ion_is_no_alpha_carbon(tmp_path: Path):
    text = "".join(atom(i, "ALA", "A", i, 3.8 * i) for i in range(1, 6)) + "TER\n"
    text += "HETATM    9 CA    CA A 101       1.000   1.000   1.000  1.00 20.00          CA\n"
    (chain,) = read(tmp_path, text)
    assert len(chain.sequence) == 5


def test_the_first_model_and_every_chain_are_read(tmp_path: Path):
    body = "".join(atom(i, "ALA", chain, i, 3.8 * i) for chain in "AB" for i in range(1, 6))
    chains = read(tmp_path, f"MODEL        1\n{body}ENDMDL\nMODEL        2\n{body}ENDMDL\n")
    assert [chain.name for chain in chains] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Refusal.NO_ATOMS),
        ("HEADER    SOMETHING\nEND\n", Refusal.NO_ATOMS),
        (atom(1, "HOH", "W", 1, 0, name="O", record="HETATM"), Refusal.NO_PROTEIN),
        ("".join(atom(i, "DA", "A", i, 6.0 * i, name="P") for i in range(1, 6)), Refusal.NOT_PROTEIN),
        ("".join(atom(i, "ALA", "A", i, 3.8 * i) for i in range(1, 4)), Refusal.TOO_SHORT),
    ],
)
def test_a_file_that_cannot_be_used_gives_one_reason(tmp_path: Path, text: str, code: Refusal):
    (refused,) = read(tmp_path, text)
    assert refused.code == code
    assert refused.message


def test_limits_refuse_with_the_numbers(tmp_path: Path):
    text = "".join(atom(i, "ALA" if i % 2 else "UNK", "A", i, 3.8 * i) for i in range(1, 11))
    (long,) = read(tmp_path, text, ParseConfig(min_length=4, max_length=9))
    assert (long.code, "10 residues, at most 9" in long.message) == (Refusal.TOO_LONG, True)
    (unknown,) = read(tmp_path, text, ParseConfig(min_length=4, max_unknown=0.2))
    assert unknown.code == Refusal.TOO_MANY_UNKNOWN


def test_broken_files_are_refused_not_raised(tmp_path: Path):
    whole = gzip.compress(b"data_x\nloop_\n_atom_site.id\n1\n" * 50)
    for name, content in (("cut.cif.gz", whole[: len(whole) // 2]), ("text.cif", b"no cif"), ("gone.pdb", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        (refused,) = parse_file(tmp_path / name, ANY).items
        assert refused.code == Refusal.UNREADABLE
        assert name in refused.message


def test_a_byte_that_is_no_text_refuses_the_file_not_the_shard(tmp_path: Path):
    body = "".join(atom(i, "ALA", "A", i, 3.8 * i) for i in range(1, 6))
    (tmp_path / "x.pdb").write_bytes(b"EXPDTA    M\xdcLLER\n" + body.encode().replace(b" A ", b" \xdc "))
    (refused,) = parse_file(tmp_path / "x.pdb", ANY).items
    assert refused.code == Refusal.UNREADABLE


def test_a_second_polymer_under_the_same_chain_id_is_not_lost(tmp_path: Path):
    first, other, second = (
        "".join(atom(i, "ALA", chain, i, 3.8 * i) for i in range(start, start + 6)) + "TER\n"
        for chain, start in (("A", 1), ("B", 1), ("A", 101))
    )
    found = read(tmp_path, first + other + second)
    assert [item.name for item in found if isinstance(item, Chain)] == ["A", "B", "A.2"]


def test_every_messy_file_is_accounted_for(shared: Path, tmp_path: Path):
    source = SourceConfig.model_validate({"kind": "directory", "directory": {"path": str(shared / "messy")}})
    files = list_folder(shared / "messy")
    write_manifest(source, tmp_path, 0, 1, tmp_path / "manifest")
    parse_shard(tmp_path / "manifest", ParseConfig(), tmp_path / "chains", tmp_path / "quarantine")
    kept = [row["entry_id"] for row in read_rows(tmp_path / "chains", ["entry_id"])]
    refused = [row["entry_id"] for row in read_rows(tmp_path / "quarantine", ["entry_id"])]
    assert {*kept, *refused} == {file.entry_id for file in files}
    assert int(read_metadata(tmp_path / "chains")["files_in"]) == len(files)
    assert kept and refused


def test_the_demo_is_deterministic_and_parsed_back_as_it_was_made(tmp_path: Path):
    config = DemoSource(families=2, members=12)
    for name in "ab":
        write_demo(config, 7, tmp_path / name, tmp_path / f"{name}.json")
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
    write_demo(config, 8, tmp_path / "c", tmp_path / "c.json")
    assert (tmp_path / "a.json").read_text() != (tmp_path / "c.json").read_text()
    chains = [item for file in list_folder(tmp_path / "a") for item in parse_file(file.path, ParseConfig()).items]
    assert sum(isinstance(item, Chain) for item in chains) == 24
    assert {item.code for item in chains if isinstance(item, Refused)} == {"too_short", "unreadable", "no_protein"}
    assert any(not item.observed.all() for item in chains if isinstance(item, Chain))


def test_demo_members_share_the_fold_and_half_of_the_sequence():
    family = make_family("HEH", np.random.default_rng(0))
    rng = np.random.default_rng(1)
    member = make_member(family, rng)
    assert set(member.sequence) <= set(AMINO_ACIDS)

    def same_from(start: int) -> int:
        return sum(a == b for a, b in zip(member.sequence, family.consensus[start:], strict=False))

    same = max(same_from(start) for start in range(4))
    assert 0.45 < same / len(member.sequence) < 0.75


def test_pdb_and_mmcif_of_one_structure_give_the_same_chain(tmp_path: Path):
    write_demo(DemoSource(families=2, members=4), 0, tmp_path / "demo", tmp_path / "demo.json")
    structure = gemmi.read_structure(str(tmp_path / "demo" / "f00m000.pdb"))
    structure.setup_entities()
    structure.assign_label_seq_id()
    structure.make_mmcif_document().write_file(str(tmp_path / "x.cif"))
    (one,) = parse_file(tmp_path / "demo" / "f00m000.pdb", ANY).items
    (two,) = parse_file(tmp_path / "x.cif", ANY).items
    assert one.sequence == two.sequence
    assert np.array_equal(one.coords, two.coords, equal_nan=True)


def test_parsing_twice_gives_equal_bytes_and_distances_are_those_of_the_coordinates(small, tmp_path: Path):
    for name in "ab":
        parse_shard(small.folder / "manifest-0.parquet", ParseConfig(), tmp_path / name, tmp_path / f"{name}q")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    write_distances(tmp_path / "a", tmp_path / "d")
    for chain, row in zip(read_rows(tmp_path / "a"), read_rows(tmp_path / "d"), strict=True):
        matrix = unpack_upper(row["triu"].astype(np.float32), row["length"])
        i, j = 3, row["length"] - 4
        expected = np.linalg.norm(chain["coords"][i] - chain["coords"][j])
        assert matrix[i, j] == pytest.approx(expected, rel=1e-3, nan_ok=True)
        assert np.isnan(matrix[~chain["observed"]][:, chain["observed"]]).all()
