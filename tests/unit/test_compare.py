import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proteinmtp.tables.parquet import write_rows
from proteinmtp.scoring.compare import CompareError, compare, read_result
from proteinmtp.cli.compare_table import notes
from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.tables.score_schemas_ import METRICS


def rows(run: str, shift: float, chains: range, length: int = 50) -> list[dict]:
    """Return scores that are `shift` more than 1, 2, 3, ... in every metric; two chains a cluster."""
    return [
        dict.fromkeys(METRICS.names)
        | {"run": run, "chain_id": f"c{n}", "cluster_id": f"k{n // 2}", "length": length}
        | {metric.name: n + shift for metric in METRICS_SHOWN}
        for n in chains
    ]


def folder(root: Path, name: str, tables: dict[str, list[dict]], method: str | None = None) -> Path:
    """Write a results folder with scores of several runs and the summary of a split."""
    for run, scores in tables.items():
        write_rows(root / name / "runs" / run / "metrics.parquet", METRICS, scores)
    if method:
        (root / name / "data").mkdir(parents=True)
        (root / name / "data" / "split.json").write_text(json.dumps({"method": method}))
    return root / name


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "compare", *map(str, arguments)],
        capture_output=True, text=True, env=dict(os.environ),
    )  # fmt: skip


def test_differences_are_over_common_chains_and_the_rest_is_named(tmp_path: Path):
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(0, 12))})
    b = folder(tmp_path, "b", {"one": rows("one", 1, range(2, 14))})
    found = compare(read_result(a), read_result(b))
    assert [line.metric for line in found.lines] == list(METRICS_SHOWN)
    for line in found.lines:
        assert (line.a.mean, line.b.mean, line.difference.mean, line.difference.n) == (6.5, 7.5, -1, 10)
        assert line.difference.verdict == ("better than" if line.metric.lower_is_better else "worse than")
    assert (found.only_a, found.only_b) == (["c0", "c1"], ["c12", "c13"])
    said = notes(found)
    assert said[0] == "Means and differences over 10 common chains; the bootstrap draws clusters."
    assert said[1] == "2 chains (c0, c1) only in A."


def test_chains_of_other_length_are_other_chains(tmp_path: Path):
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(6))})
    b = folder(tmp_path, "b", {"one": rows("one", 1, range(4)) + rows("one", 1, range(4, 6), length=60)})
    found = compare(read_result(a), read_result(b))
    assert (len(found.common), found.unequal) == (4, ["c4", "c5"])


def test_chains_are_drawn_only_where_both_splits_fix_the_clusters(tmp_path: Path):
    a, b, c = (
        read_result(folder(tmp_path, name, {"one": rows("one", shift, range(6))}, method))
        for name, shift, method in (("a", 0, "members"), ("b", 1, "members"), ("c", 2, "cluster"))
    )
    assert [compare(a, b).unit, compare(a, c).unit] == ["chain_id", "cluster_id"]


def test_other_clusters_are_said(tmp_path: Path):
    other = [row | {"cluster_id": row["chain_id"]} for row in rows("two", 1, range(6))]
    renamed = [row | {"cluster_id": f"x{row['cluster_id']}"} for row in rows("three", 1, range(6))]
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(6)), "two": other, "three": renamed})
    assert compare(read_result(a, "one"), read_result(a, "two")).clusters_differ
    assert not compare(read_result(a, "one"), read_result(a, "three")).clusters_differ


def test_the_report_s_table_is_preferred_and_a_lone_run_needs_no_name(tmp_path: Path):
    a = folder(tmp_path, "a", {"old": rows("old", 9, range(3)), "one": rows("one", 0, range(3))})
    table = [*rows("one", 0, range(3)), *rows("null_helix", 5, range(3))]
    write_rows(a / "report" / "metrics.parquet", METRICS, table)
    assert read_result(a).run == read_result(a / "report" / "metrics.parquet").run == "one"
    assert read_result(a, "null_helix").rows["c0"]["mae"] == 5
    with pytest.raises(CompareError, match="no run 'old'"):
        read_result(a, "old")


def test_the_command_prints_a_table_and_json(tmp_path: Path):
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(9)), "two": rows("two", 1, range(8))})
    said = command(a, a, "--run", "one", "--run", "two")
    assert said.returncode == 0, said.stderr
    assert "A is better than B" in said.stdout and "1 chain (c8) only in A." in said.stdout
    found = json.loads(command(a, a, "--run", "one", "--run", "two", "--json").stdout)
    assert (found["common"], found["only_a"], found["drawn"]) == (8, ["c8"], "cluster")
    assert found["metrics"]["tm_score"]["difference"]["verdict"] == "worse than"
    assert found["metrics"]["mae"]["a"]["mean"] == 3.5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "a"), "has one, two; name one with --run"),
        (("a", "a", "--run", "one"), "both are "),
        (("a", "a", "--run", "one", "--run", "tow"), "has no run 'tow'; did you mean two? it has one, two"),
        (("a", "far", "--run", "one", "--run", "one"), "have no chain in common"),
        (("a", "empty", "--run", "one"), "holds no scores"),
        (("a", "text", "--run", "one"), "cannot be read"),
    ],
)
def test_a_mistake_gives_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str):
    folder(tmp_path, "a", {"one": rows("one", 0, range(4)), "two": rows("two", 1, range(4))})
    folder(tmp_path, "far", {"one": rows("one", 0, range(50, 54))})
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no table")
    done = command(*(tmp_path / word if (tmp_path / word).exists() else word for word in arguments))
    assert done.returncode != 0
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
