from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proteinmtp.base.errors import DataError
from proteinmtp.base.fingerprint import Fingerprints
from proteinmtp.base.plugins import names
from proteinmtp.cli.inspect import InspectError, one_row, overview
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.descriptions import TextTable
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.kinds import KINDS, Kind, kind_of
from proteinmtp.tables.parquet import Table
from proteinmtp.tables.quarantine import QUARANTINE, QuarantineRow
from proteinmtp.tables.split import SPLIT, SplitRow

from ..support.command import installed, proteinmtp


def refused(entry_id: str, **changes: object) -> QuarantineRow:
    values = {"chain": None, "stage": "parse", "code": "x", "message": "m", "source_sha256": ""} | changes
    return QuarantineRow(entry_id=entry_id, **values)


def values(sections: list[TextTable], title: str) -> dict[str, tuple[str, ...]]:
    section = next(section for section in sections if section.title.startswith(title))
    return {row[0]: tuple(row[1:]) for row in section.rows}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table.name)
def test_every_table_is_recognised_by_its_columns_and_states_their_meaning_even_if_empty(kind: Kind, tmp_path: Path):
    table = kind.table
    table.write(tmp_path / "t", [])
    sections = overview(tmp_path / "t")
    general = values(sections, str(tmp_path))
    assert general["kind"] == (table.name,) and general["units"] == ("angstrom",)
    columns = values(sections, "columns")
    assert list(columns) == table.schema.names
    assert all(meaning and columns[name][1] == meaning for name, (_, meaning) in table.meaning.items())


def test_every_table_of_the_project_is_in_the_list_of_kinds(root: Path):
    """Each module of tables that makes a Table is asked; a table that nobody lists could not be looked into."""
    made = {
        path.stem
        for path in (root / "proteinmtp" / "tables").glob("*.py")
        if " = Table(" in (text := path.read_text(encoding="utf-8")) or "(Table[" in text
    }
    listed = {kind.table.row.__module__.rpartition(".")[2] for kind in KINDS}
    assert made == listed
    assert all(isinstance(kind.table, Table) for kind in KINDS)


def test_no_stage_reaches_the_words_for_people_which_may_change_without_a_rerun(root: Path):
    house = Fingerprints(root)
    words = {"proteinmtp.tables.descriptions", "proteinmtp.tables.kinds"}
    assert words <= house.closure("proteinmtp.cli.inspect")
    assert {"parse", "split", "train"} <= set(names("pipeline"))
    for stage in names("pipeline"):
        assert not words & house.closure(f"pipeline.{stage}"), stage


def test_numbers_of_a_chains_shard_are_those_of_its_rows(small):
    rows = list(CHAINS.read(small.chains[0]))
    lengths = sorted(row.length for row in rows)
    sections = overview(small.chains[0])
    assert values(sections, "distributions")["length, residues"][1] == str(lengths[0])
    assert values(sections, "distributions")["length, residues"][-1] == str(lengths[-1])
    assert values(sections, "chains")["residues"] == (f"{sum(lengths):,}",)
    start = values(sections, "first chains")[rows[0].chain_id][1]
    assert rows[0].sequence.startswith(start.upper())


def test_the_range_and_cost_of_distances_are_shown(small):
    facts = values(overview(small.distances[0]), "distances")
    triu = np.concatenate([row.triu for row in DISTANCES.read(small.distances[0])])
    assert facts["pairs"] == (f"{len(triu):,}",)
    assert facts["range, angstrom"] == (f"{np.nanmin(triu):.2f} - {np.nanmax(triu):.2f}",)
    assert 0.5 < float(facts["bytes per pair, packed"][0]) < 2.5


def test_subsets_of_a_split_and_chains_in_none_are_counted(tmp_path: Path):
    rows = [
        SplitRow(chain_id=f"c{n}", cluster_id=f"k{n // 3}", length=10, train=n < 4, val=n == 4, test=n == 5)
        for n in range(8)
    ]
    SPLIT.write(tmp_path / "s", rows)
    sections = overview(tmp_path / "s")
    assert {name: row[0].split()[0] for name, row in values(sections, "subsets").items()} == {
        "train": "4", "val": "1", "test": "1", "none": "2",
    }  # fmt: skip
    assert values(sections, "split")["largest cluster"] == ("k0, 3 (37.5%) chains",)


def test_quarantine_is_counted_by_code_with_an_example(tmp_path: Path):
    codes = ["too_short", "unreadable", "too_short"]
    rows = [refused(f"e{n}", code=code, message=f"[b] {n}") for n, code in enumerate(codes)]
    QUARANTINE.write(tmp_path / "q", rows)
    assert list(values(overview(tmp_path / "q"), "refused").items()) == [
        ("too_short", ("2", "e0", "[b] 0")), ("unreadable", ("1", "e1", "[b] 1")),
    ]  # fmt: skip


def test_one_chain_is_shown_in_full_with_unobserved_residues_in_lower_case(small):
    row = next(row for row in CHAINS.read(small.chains[0]) if not row.observed.all())
    facts, lines = one_row(small.chains[0], row.chain_id)
    shown = "".join(text for _, text in lines.rows)
    assert shown.upper() == row.sequence
    assert [letter.isupper() for letter in shown] == row.observed.tolist()
    assert all(len(text) <= 60 for _, text in lines.rows)
    assert dict(facts.rows)["length"] == str(row.length)
    assert shown[:60] in proteinmtp("inspect", small.chains[0], "--chain", row.chain_id).stdout


def test_all_rows_of_an_entry_without_chain_ids_are_shown(tmp_path: Path):
    QUARANTINE.write(tmp_path / "q", [refused("e", chain=name) for name in "AB"])
    assert [dict(section.rows)["chain"] for section in one_row(tmp_path / "q", "e")] == ["A", "B"]


def test_a_chain_that_is_not_there_is_answered_with_those_like_it(small):
    name = next(CHAINS.read(small.chains[0])).chain_id
    with pytest.raises(InspectError, match=f"has no chain_id '{name}x'; there is {name}"):
        one_row(small.chains[0], name + "x")


def test_what_is_no_table_of_ours_gives_one_line(tmp_path: Path):
    (tmp_path / "text").write_text("not a table")
    with pytest.raises(DataError, match="text is no Parquet file"):
        kind_of(tmp_path / "text")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other")
    with pytest.raises(DataError, match="other is no table of this project; it has the columns x"):
        kind_of(tmp_path / "other")


def test_a_table_of_another_version_shows_its_columns(tmp_path: Path):
    pq.write_table(pa.table({"x": [1]}).replace_schema_metadata({"proteinmtp.units": "angstrom"}), tmp_path / "new")
    assert values(overview(tmp_path / "new"), str(tmp_path))["kind"] == ("unknown",)
    assert values(overview(tmp_path / "new"), "columns") == {"x": ("int64", "not known to this version")}


def test_a_pipe_gets_plain_lines_that_are_not_cut(tmp_path: Path):
    message = "what was wrong with it " * 20
    QUARANTINE.write(tmp_path / "q", [refused("e", message=message)])
    (tmp_path / "text").write_text("not a table")
    done = installed("inspect", tmp_path / "q")
    assert done.returncode == 0, done.stderr
    assert message.strip() in done.stdout and "\x1b" not in done.stdout
    assert done.stdout.isascii()
    wrong = installed("inspect", tmp_path / "text")
    assert wrong.returncode == 65 and wrong.stderr.startswith("error: ") and wrong.stderr.count("\n") == 1
