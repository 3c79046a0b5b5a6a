"""The top of the page: what was found in sentences, and the matrix of runs beside nulls."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.tables.metrics import write_csv

from ..support.reports import NULLS, RUNS, write_report
from ..support.score_rows import metrics_row


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on ten chains; in each score `distance` is ahead of `coords`, that of the nulls, in their order."""
    return write_report(tmp_path_factory.mktemp("report"), 10).html.parent


@pytest.fixture(scope="module")
def findings(folder: Path) -> list[str]:
    page = (folder / "index.html").read_text(encoding="utf-8")
    return re.findall(r'<div class="finding (\w+)">(.*?)</div>', page, flags=re.S)


def test_the_best_run_is_set_beside_the_best_null_with_interval_chains_and_share_won(findings):
    kind, text = findings[0]
    assert kind == "better" and "ahead of the best null" in text
    assert "distance has the highest mean Cα-lDDT: 0.4" in text and "over 10 chains" in text
    assert re.search(
        r"distance minus null_helix in Cα-lDDT: \+0\.2\d\d, 95 % interval \+0\.\d+ to \+0\.\d+, 10 chains, 100 % of",
        text,
    )


def test_each_hypothesis_has_question_verdict_difference_and_seeds(findings):
    assert [kind for kind, _ in findings[1:]] == ["better", "worse"]
    supported, contradicted = (text for _, text in findings[1:])
    assert "Which?" in supported and "supported" in supported and "One seed." in supported
    assert "Less error." in contradicted and "coords minus distance in distance error, Å: +1.00" in contradicted


def test_the_matrix_has_a_cell_for_each_pair_with_the_verdict_in_words(folder: Path):
    page = (folder / "index.html").read_text(encoding="utf-8")
    table = page.partition('<table id="matrix">')[2].partition("</table>")[0]
    header, *rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.S)
    names = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<th.*?>(.*?)</th>", header)]
    assert names == ["run", *NULLS, "distance"] and len(rows) == 2
    distance, coords = (re.findall(r"<td.*?>(.*?)</td>", row, flags=re.S) for row in rows)
    assert distance[-1].strip() == "–"
    for cell in [*distance[:-1], *coords[:-1]]:
        assert cell.count("better than") == 3 and cell.count("100 % won") == 3 and "worse" not in cell
    assert coords[-1].count("worse than") == 3 and coords[-1].count("0 % won") == 3


def test_the_csv_has_a_row_for_each_chain_and_run_with_the_numbers_of_the_table(folder: Path):
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 * len(RUNS)
    first = rows[0]
    assert first["run"] == "distance" and first["chain_id"].startswith("c0</script>") and first["length"] == "94"
    assert float(first["mae"]) == 1.0 and float(first["confidence"]) == pytest.approx(50, abs=1)
    assert all(row["confidence"] == "" for row in rows if row["run"] != "distance")


def test_of_chains_that_need_more_room_than_there_is_fewer_can_be_opened(tmp_path: Path):
    for name, megabytes in (("some", 0.02), ("none", 0.0001)):
        (tmp_path / name).mkdir()
        page = write_report(tmp_path / name, 6, megabytes=megabytes).html.read_text(encoding="utf-8")
        packed = re.findall(r'id="chain-\d+">([^<]*)<', page)
        assert sum(map(len, packed)) <= megabytes * 1e6
        assert {"some": 0 < len(packed) < 6, "none": not packed}[name], len(packed)
        assert "6 can be opened, a sample" in page


def test_a_comparator_that_lacks_residues_has_the_mean_confidence_of_those_it_has(tmp_path: Path):
    rows = [
        metrics_row("some", confidence=np.array([20.0, np.nan, 40.0])),
        metrics_row("none", confidence=np.array([np.nan])),
        metrics_row("unknown", scores={"mae": np.nan}),
    ]
    assert [row.mean_confidence for row in rows] == [30.0, None, None]
    write_csv(tmp_path / "m.csv", rows)
    text = (tmp_path / "m.csv").read_text(encoding="utf-8")
    assert "nan" not in text and text.splitlines()[1].endswith(",30.0")
