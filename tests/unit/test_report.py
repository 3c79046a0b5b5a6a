import base64
import json
import re
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipeline import report
from proteinmtp.base.files import file_sha256
from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.config import RunEntry
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.report import assets, experiments, standing
from proteinmtp.scoring.statistics import Bootstrap, Difference
from proteinmtp.tables.metrics import METRICS

from ..support.command import proteinmtp
from ..support.reports import CLAIMS, EVIL, NULLS, RUNS, write_report
from ..support.score_rows import metrics_row

Reported = Callable[..., report.Outputs]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Give a function that writes a report, each once; see `write_report`."""

    @cache
    def make(n: int, method: str = "members") -> report.Outputs:
        return write_report(tmp_path_factory.mktemp("report"), n, method=method)

    def reported(n: int, method: str = "members", **pretraining: object) -> report.Outputs:
        if pretraining:
            return write_report(tmp_path_factory.mktemp("report"), n, method=method, **pretraining)
        return make(n, method)

    return reported


def test_folded_sequences_are_listed_with_where_they_are(reported: Reported):
    page = reported(6).html.read_text(encoding="utf-8")
    for text in (">mine<", ">31<", ">2<", ">77<", ">54.3<", f"../runs/{RUNS[0]}/folded/mine/index.html"):
        assert text in part(page, "folded"), text


def own_markup(html: str) -> str:
    """Return the page without scripts and data."""
    return re.sub(r"<script.*?</script>", "", html, flags=re.S)


def part(html: str, section: str) -> str:
    """Return a section of the page."""
    return html.partition(f'<section id="{section}"')[2].partition("</section>")[0]


def test_the_summary_has_every_run_metric_and_number(reported: Reported):
    files = reported(10)
    runs = json.loads(files.summary.read_text())["runs"]
    assert set(runs) == set(RUNS)
    for scores in runs.values():
        assert set(scores) == {metric.name for metric in METRICS_SHOWN}
        for value in scores.values():
            assert set(value) == {"mean", "median", "low", "high", "n", "spread", "seeds"}
            assert value["low"] <= value["mean"] <= value["high"] and value["n"] == 10
    assert runs["distance"]["mae"]["mean"] == pytest.approx(1.045)
    assert len(list(METRICS.read(files.table))) == 10 * len(RUNS)


def test_both_tables_of_scores_hold_the_mean_of_every_run_and_metric(reported: Reported):
    page = reported(6).html.read_text(encoding="utf-8")
    for metrics in ([m for m in METRICS_SHOWN if not m.detail], [m for m in METRICS_SHOWN if m.detail]):
        table = page[page.index(metrics[0].title, page.index('<section id="scores"') if not metrics[0].detail else 0) :]
        table = table[: table.index("</table>")]
        assert table.count('<span class="interval">median') == len(metrics) * len(RUNS)


def test_pretraining_is_told_with_what_was_left_out_and_beside_the_unigram(reported: Reported):
    page = own_markup(reported(6).html.read_text(encoding="utf-8"))
    told = part(page, "training").partition("Pretrained backbones")[2].partition("<figure")[0]
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
    method: str, values: dict[str, object], words: str | None, reported: Reported
):
    page = reported(2, method=method, **values).html.read_text(encoding="utf-8")
    told = part(page, "training").partition("Pretrained backbones")[2].partition("<figure")[0]
    every = ("looked for in the files", "by design of this split; no validation", "learnt as such")
    assert [sentence in told for sentence in every].count(True) == (words is not None)
    assert (words or "left out: none.") in told


def test_chains_have_their_nearest_training_chain_and_its_identity_in_per_cent_or_neither(reported: Reported):
    html = reported(6).html.read_text(encoding="utf-8")
    packed = html.partition('<script type="text/plain" id="index">')[2].partition("</script>")[0]
    chains = json.loads(zlib.decompress(base64.b64decode(packed), -zlib.MAX_WBITS))["chains"]
    nearest = [(f"t0{EVIL}", 100.0), (None, None), (f"t1{EVIL}", 87.7), (None, None), (f"t2{EVIL}", 75.3), (None, None)]
    assert [tuple(chain) for chain in chains] == [
        (f"c{at}{EVIL}", 94 + at, 93 + at, f"k{at // 2}{EVIL}", *nearest[at]) for at in range(6)
    ]


def test_names_from_data_are_escaped(reported: Reported):
    html = reported(6).html.read_text()
    assert EVIL not in html
    assert "&lt;/script&gt;&lt;script&gt;" in html


def test_the_page_names_no_address_to_fetch_from(reported: Reported):
    html = own_markup(reported(6).html.read_text())
    assert not re.findall(
        r"""<[^<>]*(?:\bsrc\s*=|href\s*=\s*["']?(?:\w+:|//)(?!,"))""", html.replace('href="data:,"', "")
    )
    assert "@import" not in html and not re.findall(r"url\((?!#)", html)


def test_a_run_without_chains_still_gives_a_report(reported: Reported):
    files = reported(0)
    assert "No chain could be used" in files.html.read_text()
    assert json.loads(files.summary.read_text())["runs"]["distance"]["mae"] == {
        "mean": None, "median": None, "low": None, "high": None, "n": 0, "spread": None, "seeds": 1,
    }  # fmt: skip


def test_equal_inputs_give_equal_bytes(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert write_report(tmp_path / "a", 4).html.read_bytes() == write_report(tmp_path / "b", 4).html.read_bytes()


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


def test_a_run_is_set_beside_each_null_and_the_first_run_chain_by_chain(reported: Reported):
    files = reported(10)
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


def test_bins_of_length_hold_every_chain_once(reported: Reported):
    files = reported(10)
    lengths = json.loads(files.summary.read_text())["lengths"]
    assert set(lengths) == {"mae", "lddt", "tm_score"}
    assert {name: item["n"] for name, item in lengths["mae"]["coords"].items() if item["n"]} == {
        "under 100": 6,
        "100–199": 4,
    }
    page = files.html.read_text()
    assert "100–199 residues" in page and "over 512 residues" not in page


def test_hypotheses_are_judged_by_paired_differences(reported: Reported):
    files = reported(10)
    first, second = json.loads(files.summary.read_text())["experiments"]
    assert (first["run"], first["against"], first["metric"]) == ("distance", "null_separation", "lddt")
    assert (first["verdict"], second["verdict"]) == ("supported", "contradicted")
    assert second["difference"]["mean"] == pytest.approx(1) and second["difference"]["n"] == 10
    assert second["ours"]["mean"] - second["theirs"]["mean"] == pytest.approx(1)
    page = files.html.read_text()
    assert "2 comparisons were made" in page and "here 0.1 of 2" in page
    assert 'class="supported">supported<' in page and 'class="contradicted">contradicted<' in page


def test_without_chains_a_hypothesis_is_undecided(reported: Reported):
    files = reported(0)
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


def test_verdicts_are_a_markdown_table(reported: Reported):
    folder = reported(10).html.parents[1]
    header, _, first, second, *nulls = proteinmtp("verdicts", folder).stdout.splitlines()
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


def test_the_settings_of_a_run_are_those_that_it_trained_with(reported: Reported):
    """The heads decide the losses that the configuration leaves open."""
    page = own_markup(reported(2).html.read_text())
    losses = {term.name for name in RUNS[:2] for term in parse_config({"runs": CLAIMS}).run(name).loss.terms}
    table = part(page, "training")
    assert losses and all(name in table for name in losses)


def test_only_runs_with_confidence_are_asked_how_far_it_can_be_trusted(reported: Reported):
    files = reported(6)
    confidence = json.loads(files.summary.read_text())["confidence"]
    assert set(confidence) == {"distance"} and set(confidence["distance"]) == {"lddt", "lddt_distances"}
    trusted = confidence["distance"]["lddt"]
    assert (trusted["chains"], trusted["residues"]) == (6, sum(93 + at for at in range(6)))
    assert trusted["residues_correlation"] == pytest.approx(1)
    assert trusted["error"] == pytest.approx(20 / 3, abs=0.1) and abs(trusted["bias"]) < 0.1
    assert confidence["distance"]["lddt_distances"]["error"] == pytest.approx(0, abs=1e-5)
    page = own_markup(files.html.read_text())
    assert part(page, "confidence") and 'id="calibration"' in page
    assert not part(reported(0).html.read_text(), "confidence")


def test_a_leaky_split_is_marked_and_what_it_leaves_out_is_said(reported: Reported):
    page = reported(6).html.read_text(encoding="utf-8")
    assert "<b>Leaky split (members).</b> Why it leaks." in page
    assert "3 chains are in no subset" in page and "no row for 2 chains" in page
    assert "1 file repaired (no end)." in page


def test_libraries_in_the_page_are_as_their_authors_gave_them(root: Path):
    for name, digest in assets.LIBRARIES.items():
        assert file_sha256(root / "proteinmtp" / "report" / "assets" / name) == digest
        assert "sourceMappingURL" not in assets.vendored(name)
    for licence in assets.LICENCES.values():
        assert "opyright" in assets.text(licence)
