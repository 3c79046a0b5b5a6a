import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proteinmtp.dataset import inspect_kinds as kinds
from proteinmtp.cli.inspect import InspectError, one_row, overview, show, table_kind
from proteinmtp.tables.schemas import CHAINS, DISTANCES, MANIFEST, QUARANTINE, SPLIT
from proteinmtp.tables.parquet import read_rows, write_rows
from proteinmtp.tables.score_schemas_ import EXAMPLES, METRICS
from proteinmtp.tables.prediction_schemas_ import PREDICTIONS, STRUCTURES
from proteinmtp.training.train import HISTORY

SCHEMAS = {
    "chains": CHAINS, "quarantine": QUARANTINE, "manifest": MANIFEST, "split": SPLIT, "distances": DISTANCES,
    "predictions": PREDICTIONS, "structures": STRUCTURES, "metrics": METRICS, "examples": EXAMPLES,
    "training history": HISTORY,
}  # fmt: skip


def values(sections: list[kinds.Section], title: str) -> dict[str, tuple[str, ...]]:
    section = next(section for section in sections if section.title.startswith(title))
    return {row[0]: tuple(row[1:]) for row in section.rows}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_table_of_the_project_is_told_from_its_columns_even_if_it_is_empty(kind: str, tmp_path: Path):
    write_rows(tmp_path / "t", SCHEMAS[kind], [])
    assert set(SCHEMAS) == set(kinds.KINDS)
    general = values(overview(tmp_path / "t"), str(tmp_path))
    assert general["kind"] == (kind,) and general["units"] == ("angstrom",)
    assert list(values(overview(tmp_path / "t"), "columns")) == SCHEMAS[kind].names


def test_numbers_of_a_chains_shard_are_those_of_its_rows(small):
    rows = list(read_rows(small.chains[0]))
    lengths = sorted(row["length"] for row in rows)
    sections = overview(small.chains[0])
    assert values(sections, "distributions")["length, residues"][1] == str(lengths[0])
    assert values(sections, "distributions")["length, residues"][-1] == str(lengths[-1])
    assert values(sections, "chains")["residues"] == (f"{sum(lengths):,}",)
    start = values(sections, "first chains")[rows[0]["chain_id"]][1]
    assert rows[0]["sequence"].startswith(start.upper())


def test_the_range_and_cost_of_distances_is_told(small):
    facts = values(overview(small.distances[0]), "distances")
    triu = np.concatenate([row["triu"] for row in read_rows(small.distances[0])])
    assert facts["pairs"] == (f"{len(triu):,}",)
    assert facts["range, angstrom"] == (f"{np.nanmin(triu):.2f} - {np.nanmax(triu):.2f}",)
    assert 0.5 < float(facts["bytes per pair, packed"][0]) < 2.5


def test_subsets_of_a_split_and_chains_in_none_are_counted(tmp_path: Path):
    rows = [
        {"chain_id": f"c{n}", "cluster_id": f"k{n // 3}", "length": 10, "train": n < 4, "val": n == 4, "test": n == 5}
        for n in range(8)
    ]
    write_rows(tmp_path / "s", SPLIT, rows)
    sections = overview(tmp_path / "s")
    assert {name: row[0].split()[0] for name, row in values(sections, "subsets").items()} == {
        "train": "4", "val": "1", "test": "1", "none": "2",
    }  # fmt: skip
    assert values(sections, "split")["largest cluster"] == ("k0, 3 (37.5%) chains",)


def test_quarantine_is_counted_by_code_with_an_example(tmp_path: Path):
    codes = ["too_short", "unreadable", "too_short"]
    rows = [
        {"entry_id": f"e{n}", "chain": None, "stage": "parse", "code": code, "message": f"[b] {n}", "source_sha256": ""}
        for n, code in enumerate(codes)
    ]
    write_rows(tmp_path / "q", QUARANTINE, rows)
    assert list(values(overview(tmp_path / "q"), "refused").items()) == [
        ("too_short", ("2", "e0", "[b] 0")), ("unreadable", ("1", "e1", "[b] 1")),
    ]  # fmt: skip


def test_one_chain_is_shown_in_full_with_unobserved_residues_in_lower_case(small, capsys: pytest.CaptureFixture):
    row = next(row for row in read_rows(small.chains[0]) if not row["observed"].all())
    facts, lines = one_row(small.chains[0], row["chain_id"])
    shown = "".join(text for _, text in lines.rows)
    assert shown.upper() == row["sequence"]
    assert [letter.isupper() for letter in shown] == row["observed"].tolist()
    assert all(len(text) <= 60 for _, text in lines.rows)
    assert dict(facts.rows)["length"] == str(row["length"])
    show(small.chains[0], row["chain_id"])
    assert shown[:60] in capsys.readouterr().out


def test_all_rows_of_an_entry_without_chain_ids_are_shown(tmp_path: Path):
    rows = [
        {"entry_id": "e", "chain": c, "stage": "parse", "code": "x", "message": "m", "source_sha256": ""} for c in "AB"
    ]
    write_rows(tmp_path / "q", QUARANTINE, rows)
    assert [dict(section.rows)["chain"] for section in one_row(tmp_path / "q", "e")] == ["A", "B"]


def test_a_chain_that_is_not_there_is_told_with_those_like_it(small):
    name = next(read_rows(small.chains[0]))["chain_id"]
    with pytest.raises(InspectError, match=f"has no chain_id '{name}x'; there is {name}"):
        one_row(small.chains[0], name + "x")


def test_what_is_no_table_of_ours_gives_one_line(tmp_path: Path):
    (tmp_path / "text").write_text("not a table")
    with pytest.raises(InspectError, match="text is no Parquet file"):
        table_kind(tmp_path / "text")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other")
    with pytest.raises(InspectError, match="other is no table of this project; it has the columns x"):
        table_kind(tmp_path / "other")


def test_a_pipe_gets_plain_lines_that_are_not_cut(root: Path, tmp_path: Path):
    message = "what was wrong with it " * 20
    row = {"entry_id": "e", "chain": None, "stage": "parse", "code": "x", "message": message, "source_sha256": ""}
    write_rows(tmp_path / "q", QUARANTINE, [row])
    (tmp_path / "text").write_text("not a table")
    command = [sys.executable, "-m", "pipeline", "inspect"]
    settings = {"cwd": root, "capture_output": True, "text": True, "env": {**os.environ, "COLUMNS": "80"}}
    done = subprocess.run([*command, str(tmp_path / "q")], **settings)
    assert done.returncode == 0, done.stderr
    assert message.strip() in done.stdout and "\x1b" not in done.stdout
    assert done.stdout.isascii()
    wrong = subprocess.run([*command, str(tmp_path / "text")], **settings)
    assert wrong.returncode == 1 and wrong.stderr.startswith("error: ") and wrong.stderr.count("\n") == 1
