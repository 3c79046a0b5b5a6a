import gzip
import logging
import multiprocessing
from pathlib import Path

import gemmi
import numpy as np
import pytest

from pipeline import demo, distances
from proteinmtp.config import DemoSource, ParseConfig
from proteinmtp.structures.parse import ParsedChain, parse_file
from proteinmtp.structures.placement import place
from proteinmtp.structures.refusals import Refusal, Refused
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.structures.synthetic import AMINO_ACIDS, make_family, make_member
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.manifest import MANIFEST, ManifestRow
from proteinmtp.tables.parquet import ROW_GROUP
from proteinmtp.tables.quarantine import QUARANTINE

from ..support.parsing import ANY, atom, directory, parse_shard, parsed_tables, small_demo


def read(tmp_path: Path, text: str, limits: ParseConfig = ANY) -> list[ParsedChain | Refused]:
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
    items = read(tmp_path, first + other + second)
    assert [item.name for item in items if isinstance(item, ParsedChain)] == ["A", "B", "A.2"]


def test_every_messy_file_is_accounted_for(shared: Path, tmp_path: Path):
    files = list_folder(shared / "messy")
    tables = parsed_tables(directory(shared / "messy"), tmp_path)
    assert {row.entry_id for row in [*tables.chains, *tables.quarantine]} == {file.entry_id for file in files}
    assert tables.intake.files == len(files)
    assert tables.chains and tables.quarantine


def test_the_demo_is_deterministic_and_parsed_back_as_it_was_made(tmp_path: Path):
    for name, seed in {"a": 7, "b": 7, "c": 8}.items():
        demo.run(
            demo.Inputs(),
            demo.Outputs(files=tmp_path / f"{name}.json", structures=tmp_path / name),
            demo.Options(demo=DemoSource(families=2, members=12), seed=seed),
        )
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
    assert (tmp_path / "a.json").read_text() != (tmp_path / "c.json").read_text()
    chains = [item for file in list_folder(tmp_path / "a") for item in parse_file(file.path, ParseConfig()).items]
    assert sum(isinstance(item, ParsedChain) for item in chains) == 24
    assert {item.code for item in chains if isinstance(item, Refused)} == {"too_short", "unreadable", "no_protein"}
    assert any(not item.observed.all() for item in chains if isinstance(item, ParsedChain))


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
    small_demo(tmp_path / "demo")
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
        parse_shard(small.folder / "manifest-0.parquet", tmp_path / name, tmp_path / f"{name}q")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    distances.run(
        distances.Inputs(chains=tmp_path / "a"), distances.Outputs(distances=tmp_path / "d"), distances.Options()
    )
    for chain, row in zip(CHAINS.read(tmp_path / "a"), DISTANCES.read(tmp_path / "d"), strict=True):
        assert (row.chain_id, row.length) == (chain.chain_id, chain.length)
        matrix = triangle.unpack(row.triu, row.length)
        i, j = 3, row.length - 4
        expected = np.linalg.norm(chain.coords[i] - chain.coords[j])
        assert matrix[i, j] == pytest.approx(expected, rel=1e-3, nan_ok=True)
        assert np.isnan(matrix[~chain.observed][:, chain.observed]).all()


def helix(name: str = "A", length: int = 12, start: int = 1, **more: object) -> str:
    return "".join(atom(i, "ALA", name, start + i, 3.8 * i, **more) for i in range(length))


def test_the_sequence_and_places_of_mmcif_are_found_again_from_pdb(shared: Path, tmp_path: Path):
    """mmCIF says where each residue stands in the sequence; from PDB with SEQRES it is worked out."""
    compared = 0
    for file in list_folder(shared / "entries" / "posebusters"):
        structure = gemmi.read_structure(str(file.path))
        if any(len(chain.name) > 1 for chain in structure[0]):
            continue
        structure.setup_entities()
        structure.write_pdb(str(tmp_path / "x.pdb"))
        given = {item.name: item for item in parse_file(file.path, ANY).items if isinstance(item, ParsedChain)}
        items = parse_file(tmp_path / "x.pdb", ANY).items
        inferred = {item.name: item for item in items if isinstance(item, ParsedChain)}
        assert set(given) <= set(inferred), file.path.name
        for name, chain in given.items():
            assert inferred[name].sequence == chain.sequence, (file.path.name, name)
            assert np.array_equal(inferred[name].observed, chain.observed), (file.path.name, name)
            # Occupancies are rounded in PDB: in 7pih two locations 0.01 angstrom apart come out with the same.
            assert np.allclose(inferred[name].coords, chain.coords, atol=0.02, equal_nan=True)
            compared += 1
    assert compared > 60


def test_gaps_are_placed_by_residue_number_where_the_letters_do_not_say():
    observed, full, bonds = "AAAAGG", "AAAAAAAAGG", np.full(5, 3.8)
    numbers = np.array([1, 2, 7, 8, 9, 10])
    assert place(observed, numbers, full, bonds).tolist() == [0, 1, 6, 7, 8, 9]
    assert place("AAAC", np.array([1, 2, 3, 4]), "GGGG", bonds[:3]) is None


def test_gaps_are_placed_at_chain_breaks_where_the_numbers_do_not_say():
    numbers = np.full(4, 7)
    assert place("GAVL", numbers, "MGAVLK", np.full(3, 3.8)).tolist() == [1, 2, 3, 4]
    assert place("GAAL", numbers, "GAAAAL", np.array([9.0, 3.8, 3.8])).tolist() == [0, 3, 4, 5]
    assert place("GAAL", numbers, "GAAAAL", np.array([3.8, 3.8, 9.0])).tolist() == [0, 1, 2, 5]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_any_system_are_read(tmp_path: Path, newline: str):
    path = tmp_path / "x.pdb"
    path.write_bytes(helix().replace("\n", newline).encode())
    (chain,) = parse_file(path, ANY).items
    assert len(chain.sequence) == 12 and chain.observed.all()


def test_old_segment_ids_in_the_columns_of_the_element_are_repaired_and_counted(tmp_path: Path):
    path = tmp_path / "x.pdb"
    path.write_text("".join(f"{line[:72]}    HGP1\n" for line in helix().splitlines()))
    parsed = parse_file(path, ANY)
    assert parsed.items[0].observed.all()
    assert parsed.repairs == ("element_columns",)


def test_blank_chains_that_ter_parts_are_chains_of_their_own(tmp_path: Path):
    apart = helix(" ").replace("   0.000   0.000  1.00", "  90.000   0.000  1.00")
    chains = read(tmp_path, helix(" ") + "TER\n" + apart)
    assert [chain.name for chain in chains] == ["", ".2"]
    assert [len(chain.sequence) for chain in chains] == [12, 12]


def test_a_ter_inside_a_chain_does_not_part_what_a_peptide_bond_joins(tmp_path: Path):
    first = helix(length=6)
    second = "".join(atom(i, "ALA", "A", 1 + i, 3.8 * i) for i in range(6, 12))
    (chain,) = read(tmp_path, first + "TER\n" + second)
    assert len(chain.sequence) == 12 and chain.breaks == 0


def test_negative_and_hybrid_36_residue_numbers_are_read(tmp_path: Path):
    lines = [atom(i, "ALA", "A", number, 3.8 * i) for i, number in enumerate(range(-3, 4))]
    lines += [
        line.replace(f"{n:4d}    ", f"A00{n - 20}    ")
        for n in range(20, 25)
        for line in [atom(n, "GLY", "A", n, 3.8 * n)]
    ]
    (chain,) = read(tmp_path, "".join(lines))
    assert chain.sequence == "A" * 7 + "G" * 5


def test_of_chains_with_one_sequence_the_best_observed_is_kept_and_the_others_are_counted(tmp_path: Path):
    seqres = "".join(f"SEQRES   1 {name}   12  {'ALA ' * 12}\n" for name in "ABC")
    text = seqres + helix("A", 10) + "TER\n" + helix("B", 12) + "TER\n" + helix("C", 11)
    items = read(tmp_path, text, ANY.model_copy(update={"copies": "first"}))
    (kept,) = [item for item in items if isinstance(item, ParsedChain)]
    assert (kept.name, kept.copies) == ("B", 3)
    assert [(item.chain, item.code) for item in items if isinstance(item, Refused)] == [
        ("A", Refusal.CHAIN_COPY),
        ("C", Refusal.CHAIN_COPY),
    ]


def test_impossible_bonds_are_outliers_and_numbered_gaps_are_breaks(tmp_path: Path):
    squeezed = "".join(atom(i, "ALA", "A", i, 1.0 * i) for i in range(12))
    (refused,) = read(tmp_path, squeezed, ANY.model_copy(update={"max_bond_outliers": 0.5}))
    assert refused.code == Refusal.BOND_OUTLIERS
    gap = helix(length=6) + "".join(atom(i, "ALA", "A", 30 + i, 100 + 3.8 * i) for i in range(6))
    (chain,) = read(tmp_path, gap, ANY.model_copy(update={"max_bond_outliers": 0.0}))
    assert chain.breaks == 1


def test_an_unreadable_position_or_number_refuses_the_file_and_names_the_line(tmp_path: Path):
    for old, new, what in (("   7.600", "  x7.600", "position"), ("A   3 ", "A**** ", "residue number")):
        (refused,) = read(tmp_path, "REMARK\n" + helix().replace(old, new))
        assert refused.code == Refusal.UNREADABLE
        assert "line 4: unreadable " + what in refused.message


def test_what_is_larger_than_allowed_or_worse_than_asked_is_refused(tmp_path: Path):
    small = ANY.model_copy(update={"max_megabytes": 1})
    (tmp_path / "bomb.pdb.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    (refused,) = parse_file(tmp_path / "bomb.pdb.gz", small).items
    assert refused.code == Refusal.TOO_LARGE
    text = "REMARK   2\nREMARK   2 RESOLUTION.    3.50 ANGSTROMS.\n" + helix()
    (refused,) = read(tmp_path, text, ANY.model_copy(update={"max_resolution": 3.0}))
    assert refused.code == Refusal.LOW_RESOLUTION
    (chain,) = read(tmp_path, text)
    assert chain.resolution == pytest.approx(3.5)


def test_one_process_and_two_write_the_same_bytes(small, tmp_path: Path):
    jobs = [
        (small.folder / f"manifest-{shard}.parquet", tmp_path / f"c{shard}", tmp_path / f"q{shard}")
        for shard in range(2)
    ]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(parse_shard, jobs)
    for shard in range(2):
        assert (tmp_path / f"c{shard}").read_bytes() == small.chains[shard].read_bytes()
        assert (tmp_path / f"q{shard}").read_bytes() == small.quarantine[shard].read_bytes()


def test_seqres_joins_the_parts_that_it_holds_and_no_ligand_peptide(tmp_path: Path):
    def part(letters: str, start: int, y: float) -> str:
        names = {"A": "ALA", "G": "GLY", "S": "SER", "W": "TRP"}
        lines = (atom(start + i, names[letter], "A", start + i, 3.8 * i) for i, letter in enumerate(letters))
        return "".join(line.replace("   0.000   0.000  1.00", f"{y:8.3f}   0.000  1.00") for line in lines) + "TER\n"

    seqres = "SEQRES   1 A   26  " + "ALA " * 13 + "\nSEQRES   2 A   26  " + "ALA " * 7 + "GLY SER GLY SER GLY SER\n"
    (joined,) = read(tmp_path, seqres + part("A" * 20, 1, 0) + part("GSGS", 23, 50))
    assert joined.sequence == "A" * 20 + "GSGSGS" and joined.observed.sum() == 24
    apart = read(tmp_path, seqres + part("A" * 20, 1, 0) + part("GWWW", 301, 50))
    assert [(chain.name, int(chain.observed.sum())) for chain in apart] == [("A", 20), ("A.2", 4)]


def test_what_stands_behind_an_end_or_an_empty_model_is_read(tmp_path: Path):
    assert [chain.name for chain in read(tmp_path, helix("A") + "TER\nEND\n" + helix("B") + "END\n")] == ["A", "B"]
    (chain,) = read(tmp_path, "MODEL        1\nENDMDL\nMODEL        2\n" + helix() + "ENDMDL\n")
    assert chain.observed.all()


def test_stated_places_that_the_letters_contradict_are_refused(shared: Path, tmp_path: Path):
    path = sorted((shared / "entries" / "posebusters").iterdir())[0]
    text = gzip.decompress(path.read_bytes()).decode()
    right = [item for item in parse_file(path, ANY).items if isinstance(item, ParsedChain)]
    assert right
    document = gemmi.cif.read_string(text)
    column = document[0].find_values("_atom_site.label_seq_id")
    for row in range(len(column)):
        if column[row].isdigit():
            column[row] = str(int(column[row]) + 3)
    document.write_file(str(tmp_path / "x.cif"))
    codes = {item.code for item in parse_file(tmp_path / "x.cif", ANY).items if isinstance(item, Refused)}
    assert Refusal.SEQUENCE_MISMATCH in codes


def test_the_resolution_that_a_source_states_counts(tmp_path: Path):
    (tmp_path / "x.pdb").write_text(helix())
    limits = ANY.model_copy(update={"max_resolution": 2.0})
    (refused,) = parse_file(tmp_path / "x.pdb", limits, 3.5).items
    assert refused.code == Refusal.LOW_RESOLUTION
    (chain,) = parse_file(tmp_path / "x.pdb", limits, 1.5).items
    assert chain.resolution == 1.5


@pytest.mark.parametrize(
    "lines",
    [
        "DBREF  1ABC A    1    12  UNP    P12345   X_HUMAN          1     12\n",
        "DBREF1 1ABC A    1    12  UNP                  A0A024B7W1_ZIKV\n"
        "DBREF2 1ABC A     A0A024B7W1                      1          12\n",
    ],
)
def test_uniprot_accessions_of_both_forms_are_read(tmp_path: Path, lines: str):
    (chain,) = read(tmp_path, lines + helix())
    assert chain.uniprot in ("P12345", "A0A024B7W1")


def entry(name: str, path: Path, **changes: object) -> ManifestRow:
    values = {"bytes": 0, "sha256": "", "source": "directory", "url": None, "code": None, "message": None}
    unknown = dict.fromkeys(("resolution", "year", "affinity", "uniprot"))
    return ManifestRow(**(values | unknown | {"entry_id": name, "path": str(path)} | changes))


def test_quarantine_is_in_the_order_of_the_files_with_invalid_rows_behind_their_group_of_chains(tmp_path: Path, caplog):
    """A refusal is written when its file is read; chains are checked when at least `ROW_GROUP` of them wait."""
    (tmp_path / "one.pdb").write_text(helix())
    nucleic = "".join(atom(i, "DA", "B", i, 6.0 * i, name="P") for i in range(1, 6))
    (tmp_path / "two.pdb").write_text(helix() + "TER\n" + nucleic)
    (tmp_path / "repaired.pdb").write_text("".join(f"{line[:72]}    HGP1\n" for line in helix().splitlines()))
    one, two = tmp_path / "one.pdb", tmp_path / "two.pdb"
    gone = [entry(f"gone{n}", tmp_path / "gone", code="not_fetched", message="m") for n in range(2 * ROW_GROUP)]
    entries = [
        entry("early", one, year=1900),
        *gone,
        entry("repaired", tmp_path / "repaired.pdb"),
        *(entry(f"good{n}", one) for n in range(ROW_GROUP - 3)),
        entry("between", tmp_path / "gone", code="obsolete", message="m"),
        entry("full", two),  # the last of the first group, with a polymer that is refused
        entry("behind", tmp_path / "gone", code="obsolete", message="m"),
        entry("late", one, year=2200),
        entry("end", tmp_path / "gone", code="obsolete", message="m"),
    ]
    MANIFEST.write(tmp_path / "manifest", entries)
    with caplog.at_level(logging.INFO):
        parse_shard(tmp_path / "manifest", tmp_path / "chains", tmp_path / "quarantine", ANY)
    assert [(row.entry_id, row.code) for row in QUARANTINE.read(tmp_path / "quarantine")] == [
        *((row.entry_id, "not_fetched") for row in gone),
        ("between", "obsolete"),
        ("full", "not_protein"),
        ("early", "invalid_row"),
        ("behind", "obsolete"),
        ("end", "obsolete"),
        ("late", "invalid_row"),
    ]
    assert len(list(CHAINS.read(tmp_path / "chains"))) == ROW_GROUP - 1
    assert Intake.read(tmp_path / "chains") == Intake(
        files=len(entries), chains=ROW_GROUP + 2, repaired={"element_columns": 1}
    )
    assert caplog.messages[-1] == (
        f"{len(entries)} files: invalid_row 2, not_fetched {len(gone)}, not_protein 1, obsolete 3, "
        f"polymers {ROW_GROUP + 2}, repaired_element_columns 1"
    )
