import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.cli.compare import notes
from proteinmtp.cli.results import read_result
from proteinmtp.scoring.compare import CompareError, Comparison, compare
from proteinmtp.tables.metrics import METRICS, MetricsRow

from ..support.command import proteinmtp
from ..support.score_rows import all_metrics, metrics_row


def rows(run: str, shift: float, chains: range, length: int = 50) -> list[MetricsRow]:
    """Return scores that are `shift` more than 1, 2, 3, ... in every metric; two chains a cluster."""
    return [
        metrics_row(f"c{n}", run=run, cluster_id=f"k{n // 2}", length=length, scores=all_metrics(n + shift))
        for n in chains
    ]


def folder(root: Path, name: str, tables: dict[str, list[MetricsRow]], method: str | None = None) -> Path:
    """Write a results folder with scores of several runs and the summary of a split."""
    for run, scores in tables.items():
        METRICS.write(root / name / "runs" / run / "metrics.parquet", scores)
    if method:
        (root / name / "data").mkdir(parents=True)
        (root / name / "data" / "split.json").write_text(json.dumps({"method": method, "of_another_version": 1}))
    return root / name


def compared(a: Path, b: Path, run_a: str | None = None, run_b: str | None = None) -> Comparison:
    return compare(a=read_result(a, run_a), b=read_result(b, run_b))


def test_differences_are_over_common_chains_and_the_rest_is_named(tmp_path: Path):
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(0, 12))})
    b = folder(tmp_path, "b", {"one": rows("one", 1, range(2, 14))})
    comparison = compared(a, b)
    assert [line.metric for line in comparison.lines] == list(METRICS_SHOWN)
    for line in comparison.lines:
        assert (line.a.mean, line.b.mean, line.difference.mean, line.difference.n) == (6.5, 7.5, -1, 10)
        assert line.difference.verdict == ("better than" if line.metric.lower_is_better else "worse than")
    assert (comparison.only_a, comparison.only_b) == (["c0", "c1"], ["c12", "c13"])
    sentences = notes(comparison)
    assert sentences[0] == "Means and differences over 10 common chains; the bootstrap draws clusters."
    assert sentences[1] == "2 chains (c0, c1) only in A."


def test_chains_of_other_length_are_other_chains(tmp_path: Path):
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(6))})
    b = folder(tmp_path, "b", {"one": rows("one", 1, range(4)) + rows("one", 1, range(4, 6), length=60)})
    comparison = compared(a, b)
    assert (len(comparison.common), comparison.unequal) == (4, ["c4", "c5"])


def test_chains_are_drawn_only_where_both_splits_fix_the_clusters(tmp_path: Path):
    a, b, c = (
        folder(tmp_path, name, {"one": rows("one", shift, range(6))}, method)
        for name, shift, method in (("a", 0, "members"), ("b", 1, "members"), ("c", 2, "cluster"))
    )
    assert [compared(a, b).bootstrap.unit, compared(a, c).bootstrap.unit] == ["chain_id", "cluster_id"]


def test_other_clusters_are_said(tmp_path: Path):
    other = [replace(row, cluster_id=row.chain_id) for row in rows("two", 1, range(6))]
    renamed = [replace(row, cluster_id=f"x{row.cluster_id}") for row in rows("three", 1, range(6))]
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(6)), "two": other, "three": renamed})
    assert compared(a, a, "one", "two").clusters_differ
    assert not compared(a, a, "one", "three").clusters_differ


def test_the_report_s_table_is_preferred_and_a_lone_run_needs_no_name(tmp_path: Path):
    a = folder(tmp_path, "a", {"old": rows("old", 9, range(3)), "one": rows("one", 0, range(3))})
    table = [*rows("one", 0, range(3)), *rows("null_helix", 5, range(3))]
    METRICS.write(a / "report" / "metrics.parquet", table)
    assert read_result(a).run == read_result(a / "report" / "metrics.parquet").run == "one"
    assert read_result(a, "null_helix").rows[0].scores["mae"] == 5
    with pytest.raises(CompareError, match="no run 'old'"):
        read_result(a, "old")


def test_a_metric_that_an_old_table_lacks_is_left_out(tmp_path: Path):
    a, b = (folder(tmp_path, name, {"one": rows("one", at, range(6))}) for at, name in enumerate("ab"))
    table = b / "runs" / "one" / "metrics.parquet"
    older = pq.read_table(table).drop_columns(["clashes", "lddt_residues", "mixed_hand"])
    pq.write_table(older.replace_schema_metadata({"proteinmtp.schema_version": "2"}), table)
    comparison = compared(a, b)
    names = [metric.name for metric in METRICS_SHOWN if metric.name != "clashes"]
    assert [line.metric.name for line in comparison.lines] == names
    assert all(line.difference.n == 6 for line in comparison.lines)


def test_the_command_prints_a_table_and_json(tmp_path: Path):
    a = folder(tmp_path, "a", {"one": rows("one", 0, range(9)), "two": rows("two", 1, range(8))})
    done = proteinmtp("compare", a, a, "--run", "one", "--run", "two")
    assert done.exit_code == 0
    assert "A is better than B" in done.stdout and "1 chain (c8) only in A." in done.stdout
    values = json.loads(proteinmtp("compare", a, a, "--run", "one", "--run", "two", "--json").stdout)
    assert (values["common"], values["only_a"], values["drawn"]) == (8, ["c8"], "cluster")
    assert values["metrics"]["tm_score"]["difference"]["verdict"] == "worse than"
    assert values["metrics"]["mae"]["a"]["mean"] == 3.5
    assert values["a"] == {"path": str(a), "run": "one"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("a", "a"), 1, "has one, two; name one with --run"),
        (("a", "a", "--run", "one"), 1, "both are "),
        (("a", "a", "--run", "one", "--run", "tow"), 1, "has no run 'tow'; did you mean two? it has one, two"),
        (("a", "far", "--run", "one", "--run", "one"), 1, "have no chain in common"),
        (("a", "empty", "--run", "one"), 1, "holds no scores"),
        (("a", "text", "--run", "one"), 65, "cannot be read"),
        (("a", "other", "--run", "one"), 65, "is no table of metrics: it has no column chain_id"),
        (("a", "changed", "--run", "one"), 65, "is damaged, or was changed after it was written"),
    ],
)
def test_a_mistake_gives_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str):
    folder(tmp_path, "a", {"one": rows("one", 0, range(4)), "two": rows("two", 1, range(4))})
    folder(tmp_path, "far", {"one": rows("one", 0, range(50, 54))})
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no table")
    table = pq.read_table(tmp_path / "a" / "runs" / "one" / "metrics.parquet")
    pq.write_table(table, tmp_path / "changed")
    older = table.drop_columns(["chain_id"]).replace_schema_metadata({"proteinmtp.schema_version": "2"})
    pq.write_table(older, tmp_path / "other")
    done = proteinmtp("compare", *(tmp_path / word if (tmp_path / word).exists() else word for word in arguments))
    assert done.exit_code == code
    assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [["nowhere", "nowhere"], ["--run", "a", "--run", "b", "--run", "c"]])
def test_wrong_usage_has_an_exit_code_of_its_own(tmp_path: Path, arguments: list[str]):
    paths = [] if "nowhere" in arguments else [tmp_path, tmp_path]
    assert proteinmtp("compare", *paths, *arguments).exit_code == 2
