import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipeline import report
from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.config import RunEntry
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.report import experiments, standing
from proteinmtp.scoring.statistics import Bootstrap, Difference
from proteinmtp.tables.examples import EXAMPLES, ExampleRow
from proteinmtp.tables.folded import FoldSummary
from proteinmtp.tables.history import HISTORY, HistoryRow
from proteinmtp.tables.metrics import METRICS, MetricsRow
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.quarantine import QUARANTINE, QuarantineRow
from proteinmtp.tables.saved_files import SavedRun
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split_summary import SplitSummary

from ..support.command import proteinmtp
from ..support.score_rows import metrics_row

EVIL = "</script><script>document.title='owned'</script>"
NULLS = ("null_helix", "null_neighbours", "null_separation")
RUNS = ("distance", "coords", *NULLS)
CLAIMS = [
    {"name": "distance", "question": f"Which? {EVIL}", "hypothesis": f"This. {EVIL}", "against": "null_separation"},
    {"name": "coords", "hypothesis": "Less error.", "against": "distance", "metric": "mae", "head": {"kind": "coords"}},
]


def metrics_of(run: str, n: int, mae: float) -> list[MetricsRow]:
    profiles = {
        "mae_by_separation": np.array([1.0, 2.0, 3.0, np.nan, np.nan, np.nan]),
        "mae_by_distance": np.array([mae] * 7),
        "lddt_residues": np.array([0.1, 0.5, 0.9]),
        "lddt_distances_residues": np.array([0.2, 0.4, 0.9]),
    }
    return [
        metrics_row(
            f"c{i}{EVIL}",
            run=run,
            cluster_id=f"k{i // 2}",
            length=94 + i,
            scores={m.name: mae + 0.01 * i if m.lower_is_better else 1 / (1 + mae + 0.01 * i) for m in METRICS_SHOWN},
            profiles=profiles,
            confidence=np.array([20.0, 40.0, 90.0]) if run == "distance" else None,
        )
        for i in range(n)
    ]


def example_of(run: str) -> ExampleRow:
    coords = np.random.default_rng(0).normal(size=(6, 3)).cumsum(0)
    coords[2] = np.nan
    return ExampleRow(
        run=run, label="best", chain_id=f"x{EVIL}", length=6, sequence="ACDEFG", mae=1.0, lddt=0.5, tm_score=0.5,
        true_triu=np.full(15, np.nan), predicted_triu=np.arange(15.0), native=coords, model=np.nan_to_num(coords),
    )  # fmt: skip


def history_of(run: str) -> HistoryRow:
    return HistoryRow(
        run=run, step=1, epoch=0, lr=0.1, train_loss=1.0, grad_norm=1.0, val_loss=None, val_mae=None, tokens=10,
        saved=True,
    )  # fmt: skip


def split_of(n: int) -> SplitSummary:
    return SplitSummary(
        files_in=n + 1, files_refused=1, chains_in=n, chains_parsed=n, chains_refused=0, repaired={"no_end": 1},
        method="members", leaky=True, leaky_because="Why it leaks.", notes={"chains_not_in_table": 2}, clusters=n,
        largest_cluster=2, distinct_sequences=n, subsets={"train": n, "val": 0, "test": n}, in_no_subset=3,
        clusters_crossing=0, highest_test_train_identity=0.2, highest_test_train_pair=(f"a{EVIL}", "b"),
        highest_test_train_identity_any_coverage=0.9, test_chains_with_training_hit=0,
        test_chains_above={"30%": 0, "50%": 0, "90%": 0},
    )  # fmt: skip


def pretraining_of(**values: object) -> PretrainingSummary:
    summary = PretrainingSummary(
        name="abc", objective="causal", chains=20, fasta=30_000, left_out={"relative of a chain held out": 12},
        relatives_looked_for=True, sequences=30_008, pieces=30_100, residues=5_000_000, steps=100, saved_step=80,
        validation_chains=9, validation_residues=900, perplexity=12.345, unigram_perplexity=17.89,
    )  # fmt: skip
    return summary.model_copy(update=values)


def build(folder: Path, n: int, *, method: str = "members", **pretraining: object) -> report.Outputs:
    """Report on `n` chains; each run is exactly 1 A worse in distance error than the run before it."""
    for at, run in enumerate(RUNS):
        METRICS.write(folder / f"{run}.m", metrics_of(run, n, 1.0 + at))
        EXAMPLES.write(folder / f"{run}.e", [example_of(run)] if n else [])
    for run in RUNS[:2]:
        HISTORY.write(folder / f"{run}.h", [history_of(run)] if n else [])
        SavedRun(
            run=run, steps=7, saved_step=3, trained_parameters=5, parameters=10, backbone="", slot_token={}, files={}
        ).write(folder / f"{run}.json")
    pretraining_of(**pretraining).write(folder / "pretraining.json")
    FoldSummary(sequences="mine", run=RUNS[0], folded=31, refused=2, longest=77, confidence=54.3).write(
        folder / "fold.json"
    )
    bad = QuarantineRow(
        entry_id=f"bad{EVIL}", chain=None, stage="parse", code="unreadable", message=EVIL, source_sha256=""
    )
    QUARANTINE.write(folder / "quarantine" / "000.parquet", [bad])
    split_of(n).write(folder / "split.json")
    inputs = report.Inputs(
        metrics=tuple(folder / f"{run}.m" for run in RUNS),
        examples=tuple(folder / f"{run}.e" for run in RUNS),
        history=tuple(folder / f"{run}.h" for run in RUNS[:2]),
        records=tuple(folder / f"{run}.json" for run in RUNS[:2]),
        pretraining=(folder / "pretraining.json",),
        comparators=(),
        folds=(folder / "fold.json",),
        quarantine=Shards(folder / "quarantine", 1),
        split_summary=folder / "split.json",
    )
    outputs = report.Outputs(
        html=folder / "report" / "index.html",
        summary=folder / "report" / "summary.json",
        table=folder / "report" / "metrics.parquet",
    )
    config = parse_config({"report": {"title": f"A & B {EVIL}"}, "split": {"method": method}, "runs": CLAIMS})
    options = report.Options(
        config=config,
        settings={entry.name: config.run(entry.name) for entry in config.runs},
        pretrained={RUNS[0]: "abc"},
        shown=[report.Shown(name=entry.name, description=entry.description) for entry in config.runs],
        nulls=[report.Shown(name=null, description=f"{null} knows little. {EVIL}") for null in NULLS],
        beside={"distance": list(NULLS)},
    )
    # As the rule gives them: JSON.
    report.run(inputs, outputs, report.Options.model_validate_json(options.model_dump_json()))
    return outputs


def test_folded_sequences_are_listed_with_where_they_are(tmp_path: Path):
    page = build(tmp_path, 4).html.read_text(encoding="utf-8")
    part = page.partition("<h2>Folded sequences</h2>")[2].partition("</table>")[0]
    for text in (">mine<", ">31<", ">2<", ">77<", ">54.3<", f"runs/{RUNS[0]}/folded/mine/index.html"):
        assert text in part, text


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
            assert set(value) == {"mean", "median", "low", "high", "n", "spread", "seeds"}
            assert value["low"] <= value["mean"] <= value["high"] and value["n"] == 10
    assert runs["distance"]["mae"]["mean"] == pytest.approx(1.045)
    assert len(list(METRICS.read(files.table))) == 10 * len(RUNS)


def test_both_tables_of_scores_hold_the_mean_of_every_run_and_metric(tmp_path: Path):
    page = build(tmp_path, 4).html.read_text(encoding="utf-8")
    for metrics in ([m for m in METRICS_SHOWN if not m.detail], [m for m in METRICS_SHOWN if m.detail]):
        table = page[page.index(metrics[0].title, page.index("<h2>Scores") if not metrics[0].detail else 0) :]
        table = table[: table.index("</table>")]
        assert table.count('<span class="interval">median') == len(metrics) * len(RUNS)


def test_pretraining_is_told_with_what_was_left_out_and_beside_the_unigram(tmp_path: Path):
    page = own_markup(build(tmp_path, 4).html.read_text(encoding="utf-8"))
    told = page[page.index("<h3>Pretraining") : page.index("<h2>Data")]
    for words in ("12.35", "17.89", "30,008", "5,000,000", "12 relative of a chain held out", f"<b>{RUNS[0]}</b>"):
        assert words in told, words
    assert RUNS[1] not in told and "were looked for in the files and left out" in told
    assert page.count("saved: 3") == 2 and "saved: 80" in told


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("cluster", {}, "were looked for in the files and left out"),
        ("cluster", {"fasta": 0, "left_out": {}}, None),
        ("members", {"relatives_looked_for": False}, "as they are in training, by design of this split"),
        ("memorise", {"relatives_looked_for": False}, "are learnt as such"),
    ],
)
def test_what_became_of_relatives_is_told_of_each_split(
    method: str, values: dict[str, object], words: str | None, tmp_path: Path
):
    page = build(tmp_path, 2, method=method, **values).html.read_text(encoding="utf-8")
    told = page[page.index("<h3>Pretraining") : page.index("<h2>Data")]
    every = ("looked for in the files", "by design of this split; no validation", "learnt as such")
    assert [sentence in told for sentence in every].count(True) == (words is not None)
    assert (words or "left out: none.") in told


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
        "mean": None, "median": None, "low": None, "high": None, "n": 0, "spread": None, "seeds": 1,
    }  # fmt: skip


def test_equal_inputs_give_equal_bytes(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert build(tmp_path / "a", 4).html.read_bytes() == build(tmp_path / "b", 4).html.read_bytes()


def test_verdicts_are_judged_by_the_intervals_of_paired_differences():
    def differences(low: float, high: float) -> standing.Differences:
        headlines = standing.HEADLINES
        of_metric = {m.name: Difference((low + high) / 2, low, high, 0.5, 9, m.lower_is_better) for m in headlines}
        return {"a": {"null_separation": of_metric}}

    (sentence,) = standing.verdicts(differences(-2, -1))
    assert (
        sentence
        == "a is better than null_separation in distance error; worse than null_separation in Cα-lDDT, TM-score."
    )
    (sentence,) = standing.verdicts(differences(-1, 2))
    assert sentence == "a is not told apart from null_separation in distance error, Cα-lDDT, TM-score."


def test_a_run_is_set_beside_each_null_and_the_first_run_chain_by_chain(tmp_path: Path):
    files = build(tmp_path, 10)
    differences = json.loads(files.summary.read_text())["differences"]
    assert {run: set(others) for run, others in differences.items()} == {
        "distance": set(NULLS),
        "coords": {*NULLS, "distance"},
    }
    beside = differences["coords"]["distance"]["mae"]
    assert [beside[name] for name in ("mean", "low", "high")] == pytest.approx([1, 1, 1])
    assert (beside["won"], beside["n"], beside["verdict"]) == (0, 10, "worse than")
    assert differences["distance"]["null_separation"]["mae"]["verdict"] == "better than"
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


DRAWN = Bootstrap(unit="chain_id", samples=2000, seed=0)


def claims(expects: str = "better") -> list[RunEntry]:
    claim = {"name": "a", "hypothesis": "h", "against": "b", "expects": expects}
    return parse_config({"runs": [claim, {"name": "b"}]}).runs


def test_an_interval_around_zero_decides_nothing():
    rng = np.random.default_rng(0)
    rows = [metrics_row(f"c{n}", run=run, scores={"lddt": rng.normal()}) for run in "ab" for n in range(40)]
    (experiment,) = experiments.experiments(claims(), rows, DRAWN)
    difference = experiment.result.difference
    assert experiment.verdict == "undecided" and difference.low < 0 < difference.high
    assert experiments.by_chance([experiment]) == (1, pytest.approx(0.05))


@pytest.mark.parametrize(("expects", "verdict"), [("better", "contradicted"), ("worse", "supported")])
def test_a_hypothesis_may_expect_to_be_worse(expects: str, verdict: str):
    rows = [
        metrics_row(f"c{n}", run=run, scores={"lddt": lddt + 0.001 * n})
        for run, lddt in (("a", 0.3), ("b", 0.4))
        for n in range(9)
    ]
    assert [item.verdict for item in experiments.experiments(claims(expects), rows, DRAWN)] == [verdict]


def test_verdicts_are_a_markdown_table(tmp_path: Path):
    build(tmp_path, 10)
    header, _, first, second, *nulls = proteinmtp("verdicts", tmp_path).stdout.splitlines()
    assert header.startswith("| run | question | Cα-lDDT (95 %)")
    assert first.startswith("| distance | Which?") and first.endswith("| supported |")
    assert "| better than distance in distance error | +1.000 (+1.000 to +1.000) | contradicted |" in second
    assert [line.split(" | ")[0] for line in nulls] == [f"| {null}" for null in NULLS]
    assert {line.count(" | ") for line in (header, first, second, *nulls)} == {6}


def test_verdicts_of_a_folder_without_a_report_are_one_line_and_an_exit_code(tmp_path: Path):
    nothing = proteinmtp("verdicts", tmp_path)
    assert nothing.exit_code == 1 and "make the report first" in nothing.stderr and nothing.stderr.count("\n") == 1
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "summary.json").write_text('{"runs": {}}')
    old = proteinmtp("verdicts", tmp_path)
    assert old.exit_code == 65 and "cannot be read" in old.stderr and old.stderr.count("\n") == 1


def test_the_settings_of_a_run_are_those_that_it_trained_with(tmp_path: Path):
    """The heads decide the losses that the configuration leaves open."""
    page = own_markup(build(tmp_path, 2).html.read_text())
    losses = {term.name for name in RUNS[:2] for term in parse_config({"runs": CLAIMS}).run(name).loss.terms}
    table = page[page.index("trained parameters") : page.index("<h2>Data</h2>")]
    assert losses and all(name in table for name in losses)


def test_only_runs_with_confidence_are_asked_how_far_it_can_be_trusted(tmp_path: Path):
    files = build(tmp_path, 6)
    confidence = json.loads(files.summary.read_text())["confidence"]
    assert set(confidence) == {"distance"} and set(confidence["distance"]) == {"lddt", "lddt_distances"}
    trusted = confidence["distance"]["lddt"]
    assert (trusted["chains"], trusted["residues"], trusted["residues_correlation"]) == (6, 18, pytest.approx(1))
    assert (trusted["error"], trusted["bias"]) == (pytest.approx(20 / 3), pytest.approx(0, abs=1e-5))
    assert confidence["distance"]["lddt_distances"]["error"] == pytest.approx(0, abs=1e-5)
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
    assert "1 file repaired (no end)." in page
