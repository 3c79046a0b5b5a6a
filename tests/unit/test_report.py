import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.config.whole import NULLS, parse_config
from proteinmtp.tables.schemas import QUARANTINE
from proteinmtp.tables.parquet import read_rows, write_rows
from proteinmtp.base.metrics import COLUMNS, METRICS_SHOWN
from proteinmtp.tables.score_schemas_ import EXAMPLES, METRICS
from proteinmtp.scoring.statistics import Difference
from proteinmtp.report import experiments, standing
from proteinmtp.report.build import ReportFiles, build_report
from proteinmtp.report.verdicts import VerdictsError, verdicts
from proteinmtp.training.train import HISTORY

EVIL = "</script><script>document.title='owned'</script>"
RUNS = ("distance", "coords", *NULLS)
CLAIMS = [
    {"name": "distance", "question": f"Which? {EVIL}", "hypothesis": f"This. {EVIL}", "against": "null_separation"},
    {"name": "coords", "hypothesis": "Less error.", "against": "distance", "metric": "mae", "head": {"kind": "coords"}},
]


def metrics_of(run: str, n: int, mae: float) -> list[dict]:
    return [
        dict.fromkeys(COLUMNS)
        | {"mae_by_separation": [1.0, 2.0, 3.0, np.nan, np.nan, np.nan], "mae_by_distance": [mae] * 7}
        | {"run": run, "chain_id": f"c{i}{EVIL}", "cluster_id": f"k{i // 2}", "length": 94 + i, "observed": 40,
         "stress": 1.0, "mirror_margin": 0.5, "mixed_hand": 0.0, "error_reach": None,
         "confidence": [20.0, 40.0, 90.0] if run == "distance" else None, "lddt_residues": [0.1, 0.5, 0.9],
         "lddt_distances_residues": [0.2, 0.4, 0.9]}
        | {m.name: mae + 0.01 * i if m.lower_is_better else 1 / (1 + mae + 0.01 * i) for m in METRICS_SHOWN}
        for i in range(n)
    ]  # fmt: skip


def example_of(run: str) -> dict:
    rng = np.random.default_rng(0)
    coords = rng.normal(size=(6, 3)).cumsum(0)
    coords[2] = np.nan
    return {
        "run": run, "label": "best", "chain_id": f"x{EVIL}", "length": 6, "sequence": "ACDEFG", "mae": 1.0, "lddt": 0.5,
        "tm_score": 0.5, "true_triu": np.full(15, np.nan), "predicted_triu": np.arange(15.0), "native": coords,
        "model": np.nan_to_num(coords),
    }  # fmt: skip


def build(folder: Path, n: int) -> ReportFiles:
    for at, run in enumerate(RUNS):
        write_rows(folder / f"{run}.m", METRICS, metrics_of(run, n, 1.0 + at))
        write_rows(folder / f"{run}.e", EXAMPLES, [example_of(run)] if n else [])
    for run in RUNS[:2]:
        row = {"run": run, "step": 1, "epoch": 0, "lr": 0.1, "train_loss": 1.0, "grad_norm": 1.0, "val_loss": None,
               "val_mae": None, "tokens": 10}  # fmt: skip
        write_rows(folder / f"{run}.h", HISTORY, [row] if n else [])
        model = {"run": run, "steps": 1, "trained_parameters": 5, "parameters": 10, "backbone": "", "files": {}}
        (folder / f"{run}.json").write_text(json.dumps(model))
    bad = {
        "entry_id": f"bad{EVIL}",
        "chain": None,
        "stage": "parse",
        "code": "unreadable",
        "message": EVIL,
        "source_sha256": "",
    }
    write_rows(folder / "q", QUARANTINE, [bad])
    (folder / "split.json").write_text(
        json.dumps(
            {"files_in": n + 1, "files_refused": 1, "chains_in": n, "chains_parsed": n, "chains_refused": 0,
             "clusters": n, "subsets": {"train": n, "val": 0, "test": n}, "highest_test_train_identity": 0.2,
             "highest_test_train_identity_any_coverage": 0.9, "highest_test_train_pair": [f"a{EVIL}", "b"],
             "test_chains_with_training_hit": 0, "test_chains_above": {"30%": 0, "50%": 0, "90%": 0},
             "clusters_crossing": 0, "in_no_subset": 3, "chains_not_in_table": 2, "distinct_sequences": n,
             "leaky": True, "leaky_because": "Why it leaks.", "method": "members"}
        )
    )  # fmt: skip
    files = ReportFiles(
        [folder / f"{run}.m" for run in RUNS], [folder / f"{run}.e" for run in RUNS],
        [folder / f"{run}.h" for run in RUNS[:2]], [folder / f"{run}.json" for run in RUNS[:2]], [folder / "q"],
        folder / "split.json", folder / "index.html", folder / "summary.json", folder / "table.parquet",
    )  # fmt: skip
    build_report(parse_config({"report": {"title": f"A & B {EVIL}"}, "runs": CLAIMS}), files)
    return files


def own_markup(html: str) -> str:
    """Return the page without plotly's own source."""
    return re.sub(r"<script>/\*\*.*?</script>", "", html, flags=re.S)


def test_the_summary_has_every_run_metric_and_number(tmp_path: Path):
    files = build(tmp_path, 10)
    runs = json.loads(files.summary.read_text())["runs"]
    assert set(runs) == set(RUNS)
    for scores in runs.values():
        assert set(scores) == {metric.name for metric in METRICS_SHOWN}
        for value in scores.values():
            assert set(value) == {"mean", "median", "low", "high", "n"}
            assert value["low"] <= value["mean"] <= value["high"] and value["n"] == 10
    assert runs["distance"]["mae"]["mean"] == pytest.approx(1.045)
    assert len(list(read_rows(files.table))) == 10 * len(RUNS)


def test_both_tables_of_scores_hold_the_mean_of_every_run_and_metric(tmp_path: Path):
    page = build(tmp_path, 4).html.read_text(encoding="utf-8")
    for metrics in ([m for m in METRICS_SHOWN if not m.detail], [m for m in METRICS_SHOWN if m.detail]):
        table = page[page.index(metrics[0].title, page.index("<h2>Scores") if not metrics[0].detail else 0) :]
        table = table[: table.index("</table>")]
        assert table.count('<span class="interval">median') == len(metrics) * len(RUNS)


def test_names_from_data_are_escaped(tmp_path: Path):
    html = build(tmp_path, 4).html.read_text()
    assert EVIL not in html
    assert "&lt;/script&gt;&lt;script&gt;" in html


def test_the_page_names_no_address_to_fetch_from(tmp_path: Path):
    html = own_markup(build(tmp_path, 4).html.read_text())
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:)[^\s"'>]+""", html)
    assert "@import" not in html and "url(" not in html


def test_a_run_without_chains_still_gives_a_report(tmp_path: Path):
    files = build(tmp_path, 0)
    assert "No chain could be used" in files.html.read_text()
    assert json.loads(files.summary.read_text())["runs"]["distance"]["mae"] == {
        "mean": None, "median": None, "low": None, "high": None, "n": 0,
    }  # fmt: skip


def test_equal_inputs_give_equal_bytes(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert build(tmp_path / "a", 4).html.read_bytes() == build(tmp_path / "b", 4).html.read_bytes()


def test_verdicts_are_judged_by_the_intervals_of_paired_differences():
    def found(low: float, high: float) -> standing.Differences:
        headlines = standing.HEADLINES
        of_metric = {m.name: Difference((low + high) / 2, low, high, 0.5, 9, m.lower_is_better) for m in headlines}
        return {"a": {"null_separation": of_metric}}

    (sentence,) = standing.verdicts(found(-2, -1))
    assert (
        sentence
        == "a is better than null_separation in distance error; worse than null_separation in Cα-lDDT, TM-score."
    )
    (sentence,) = standing.verdicts(found(-1, 2))
    assert sentence == "a is not told apart from null_separation in distance error, Cα-lDDT, TM-score."


def test_a_run_is_set_beside_each_null_and_the_first_run_chain_by_chain(tmp_path: Path):
    """In the test's table each run is exactly 1 A worse in distance error than the run before it."""
    files = build(tmp_path, 10)
    found = json.loads(files.summary.read_text())["differences"]
    assert {run: set(others) for run, others in found.items()} == {
        "distance": set(NULLS),
        "coords": {*NULLS, "distance"},
    }
    beside = found["coords"]["distance"]["mae"]
    assert [beside[name] for name in ("mean", "low", "high")] == pytest.approx([1, 1, 1])
    assert (beside["won"], beside["n"], beside["verdict"]) == (0, 10, "worse than")
    assert found["distance"]["null_separation"]["mae"]["verdict"] == "better than"
    assert "coords is worse than distance in distance error, Cα-lDDT, TM-score." in files.html.read_text()


def test_bins_of_length_hold_every_chain_once(tmp_path: Path):
    files = build(tmp_path, 10)
    lengths = json.loads(files.summary.read_text())["lengths"]
    assert set(lengths) == {"mae", "lddt", "tm_score"}
    assert {name: item["n"] for name, item in lengths["mae"]["coords"].items() if item["n"]} == {
        "under 100": 6,
        "100–199": 4,
    }
    page = files.html.read_text()
    assert "100–199 residues" in page and "over 512 residues" not in page


def test_hypotheses_are_judged_by_paired_differences(tmp_path: Path):
    """In the test's table each run is exactly 1 A worse in distance error than the run before it."""
    files = build(tmp_path, 10)
    first, second = json.loads(files.summary.read_text())["experiments"]
    assert (first["run"], first["against"], first["metric"]) == ("distance", "null_separation", "lddt")
    assert (first["verdict"], second["verdict"]) == ("supported", "contradicted")
    assert second["difference"]["mean"] == pytest.approx(1) and second["difference"]["n"] == 10
    assert second["ours"]["mean"] - second["theirs"]["mean"] == pytest.approx(1)
    page = files.html.read_text()
    assert "2 comparisons were made" in page and "here 0.1 of 2" in page
    assert 'class="supported">supported<' in page and 'class="contradicted">contradicted<' in page


def test_without_chains_a_hypothesis_is_undecided(tmp_path: Path):
    files = build(tmp_path, 0)
    assert [item["verdict"] for item in json.loads(files.summary.read_text())["experiments"]] == ["undecided"] * 2
    assert "comparisons were made" not in files.html.read_text()


def test_an_interval_around_zero_decides_nothing():
    rng = np.random.default_rng(0)
    config = parse_config({"runs": [{"name": "a", "hypothesis": "h", "against": "b"}, {"name": "b"}]})
    rows = [
        {"run": run, "chain_id": f"c{n}", "cluster_id": f"c{n}", "lddt": rng.normal()}
        for run in "ab"
        for n in range(40)
    ]
    (found,) = experiments.experiments(config, rows)
    assert found.verdict == "undecided" and found.difference.low < 0 < found.difference.high
    assert experiments.by_chance([found]) == (1, pytest.approx(0.05))


@pytest.mark.parametrize(("expects", "verdict"), [("better", "contradicted"), ("worse", "supported")])
def test_a_hypothesis_may_expect_to_be_worse(expects: str, verdict: str):
    config = parse_config(
        {"runs": [{"name": "a", "hypothesis": "h", "against": "b", "expects": expects}, {"name": "b"}]}
    )
    rows = [
        {"run": run, "chain_id": f"c{n}", "cluster_id": f"c{n}", "lddt": lddt + 0.001 * n}
        for run, lddt in (("a", 0.3), ("b", 0.4))
        for n in range(9)
    ]
    assert [found.verdict for found in experiments.experiments(config, rows)] == [verdict]


def test_verdicts_are_a_markdown_table(tmp_path: Path):
    (tmp_path / "report").mkdir()
    files = build(tmp_path, 10)
    files.summary.rename(tmp_path / "report" / "summary.json")
    header, _, first, second, *nulls = verdicts(tmp_path).splitlines()
    assert header.startswith("| run | question | Cα-lDDT (95 %)")
    assert first.startswith("| distance | Which?") and first.endswith("| supported |")
    assert "| better than distance in distance error | +1.000 (+1.000 to +1.000) | contradicted |" in second
    assert [line.split(" | ")[0] for line in nulls] == [f"| {null}" for null in NULLS]
    assert {line.count(" | ") for line in (header, first, second, *nulls)} == {6}
    with pytest.raises(VerdictsError, match="make the report first"):
        verdicts(tmp_path / "nowhere")


def test_only_runs_with_confidence_are_asked_how_far_it_can_be_trusted(tmp_path: Path):
    files = build(tmp_path, 6)
    found = json.loads(files.summary.read_text())["confidence"]
    assert set(found) == {"distance"} and set(found["distance"]) == {"lddt", "lddt_distances"}
    trusted = found["distance"]["lddt"]
    assert (trusted["chains"], trusted["residues"], trusted["residues_correlation"]) == (6, 18, pytest.approx(1))
    assert (trusted["error"], trusted["bias"]) == (pytest.approx(20 / 3), pytest.approx(0, abs=1e-5))
    assert found["distance"]["lddt_distances"]["error"] == pytest.approx(0, abs=1e-5)
    page = own_markup(files.html.read_text())
    assert "<h3>Confidence</h3>" in page and 'id="calibration"' in page
    assert "<h3>Confidence</h3>" not in build(tmp_path, 0).html.read_text()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_draws_every_figure(tmp_path: Path):
    files = build(tmp_path, 4)
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=15000", "--dump-dom", files.html.as_uri(),
    ]  # fmt: skip
    page = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    assert re.search(r"<title>A &amp; B &lt;/script&gt;", page)
    assert page.count('class="plot-container') == 6 + 2 * len(RUNS)


def test_a_leaky_split_is_marked_and_what_it_leaves_out_is_said(tmp_path: Path):
    page = build(tmp_path, 6).html.read_text(encoding="utf-8")
    assert "<b>Leaky split.</b> Why it leaks." in page
    assert "3 chains are in no subset" in page and "no row for 2 chains" in page
