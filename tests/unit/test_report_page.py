"""The report as its reader has it: in a browser, from a file, without a network."""

import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import gemmi
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.image import imread
from playwright.sync_api import Browser

from proteinmtp.report.chains import LISTED
from proteinmtp.tables.metrics import METRICS, MetricsRow
from proteinmtp.tables.views import VIEWS, ViewRow

from ..support.browser import BLANK, Visit, browser, drawn, pixels, visit
from ..support.reports import EVIL, RESIDUES, RUNS, lengths, write_report

pytestmark = pytest.mark.xdist_group("browser")

HOSTILE = [
    "<script>window.owned='id'</script>", "\"><img src=x onerror=\"window.owned='id'\">", f"id{EVIL}", "long" * 75,
    "'one' \"two\" `three` ${window.owned='id'} {{ 7 * 7 }}", "🧬👩‍🔬 \u202eto the left, zero\u200bwidth\u200d",
    "line\nfeed\tand tab", "__proto__", "constructor", "=1+1", "#chain=c00", "%2F..", "../../100%",
    "a+b&run=null_helix&amp;--><!--", " spaces ",
]  # fmt: skip
TITLE = f"A & B {EVIL}"
PLAIN = [f"c{at:02}" for at in range(97)]
IDS = [*HOSTILE, *PLAIN]
OPENED = len(HOSTILE) + 12
"""So many of them, the first, can be opened."""


@dataclass
class Made:
    """A report, and the tables that it was made from."""

    html: Path
    rows: list[MetricsRow]
    views: dict[tuple[str, str], ViewRow]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("page")
    html = write_report(folder, len(IDS), chains=IDS, opened=OPENED).html
    views = [row for run in RUNS for row in VIEWS.read(folder / f"{run}.v")]
    return Made(
        html=html,
        rows=[row for run in RUNS for row in METRICS.read(folder / f"{run}.m")],
        views={(row.run, row.chain_id): row for row in views},
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        if started is None:
            pytest.skip("no Chromium is installed")
        yield started


Look = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def look(chromium: Browser, made: Made) -> Look:
    """Gives the page in a window of its own."""
    return partial(visit, chromium, made.html)


@pytest.fixture(scope="module")
def window(look: Look) -> Iterator[Visit]:
    """One window for tests that leave the page as they found it, or begin by opening what they need."""
    with look() as seen:
        seen.open()
        yield seen


AS_AT_THE_START = """() => {
  delete document.documentElement.dataset.theme;
  document.getElementById("filter-clear").click();
  const run = document.getElementById("filter-run");
  run.selectedIndex = 1;
  run.dispatchEvent(new Event("input"));
}"""


@pytest.fixture
def page(window: Visit) -> Iterator[Visit]:
    """The window with the table as it is at the start; a test in which the page complains or asks for more fails."""
    window.page.mouse.move(0, 0)
    window.page.set_viewport_size({"width": 1280, "height": 900})
    window.page.emulate_media(media="screen", color_scheme="light")
    window.page.evaluate(AS_AT_THE_START)
    yield window
    complaints = [*window.complaints, *window.requests]
    window.complaints.clear()
    window.requests.clear()
    assert not complaints


# Opening it


def test_the_page_opens_without_a_network_or_a_word_in_the_console(look: Look):
    took = []
    with look() as seen:
        for _ in range(3):
            started = time.perf_counter()
            seen.open()
            took.append(time.perf_counter() - started)
        assert seen.text("#table-count") == f"{len(IDS)} of {len(IDS) * len(RUNS)} rows"
        assert not seen.requests and not seen.complaints
    assert min(took) < 3


def test_what_a_page_asks_for_and_complains_of_is_noticed(look: Look):
    with look() as seen:
        seen.open()
        seen.page.evaluate("fetch('https://example.org/').catch(() => {})")
        seen.page.evaluate("setTimeout(() => { throw new Error('thrown'); })")
        seen.page.wait_for_timeout(100)
        assert seen.requests == ["https://example.org/"]
        assert any("thrown" in complaint for complaint in seen.complaints)


# The table


def saved_rows(seen: Visit, folder: Path) -> list[dict[str, str]]:
    with seen.page.expect_download() as download:
        seen.page.locator("#save-csv").click()
    download.value.save_as(folder / "chains.csv")
    with (folder / "chains.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shown_values(seen: Visit, field: str) -> list[str]:
    return seen.page.locator(f".tabulator-row [tabulator-field={field}]").all_text_contents()


def tm_score(row: MetricsRow) -> float:
    return round(row.scores["tm_score"], 3)


FILTERS = {
    "part of an id": ({"text": "C0"}, lambda row: "c0" in row.chain_id),
    "a cluster": ({"text": "k40<"}, lambda row: row.cluster_id.startswith("k40<")),
    "hostile text": ({"text": "<script>window"}, lambda row: True),
    "length": ({"shortest": "100", "longest": "120"}, lambda row: 100 <= row.length <= 120),
    "TM-score": ({"least": "0.4", "most": "0.45"}, lambda row: 0.4 <= tm_score(row) <= 0.45),
    "a mark": ({"flag": "gaps"}, lambda row: row.observed < row.length),
    "no mark": ({"flag": "none"}, lambda row: False),
    "another run": ({"run": "coords"}, lambda row: row.run == "coords"),
    "all runs": ({"run": ""}, lambda row: True),
    "many at once": ({"run": "", "text": "c", "shortest": "150"}, lambda row: row.length >= 150),
}


@pytest.mark.parametrize("asked", FILTERS)
def test_the_table_shows_and_saves_the_rows_that_the_filters_ask_for(
    asked: str, page: Visit, made: Made, tmp_path: Path
):
    values, holds = FILTERS[asked]
    for name, value in values.items():
        control = page.page.locator(f"#filter-{name}")
        control.select_option(value) if name in ("run", "flag") else control.fill(value)
    run = values.get("run", RUNS[0])
    expected = [row for row in made.rows if (not run or row.run == run) and holds(row)]
    assert page.text("#table-count") == f"{len(expected)} of {len(made.rows)} rows"
    if not expected:
        assert page.page.get_by_text("No chain fits the filters.").is_visible()
        return
    saved = saved_rows(page, tmp_path)
    assert {(row["run"], row["chain"]) for row in saved} == {(row.run, row.chain_id) for row in expected}
    assert len(saved) == len(expected)
    of = {(row.run, row.chain_id): row for row in expected}
    for row in saved:
        true = of[row["run"], row["chain"]]
        assert (int(row["residues"]), row["cluster"]) == (true.length, true.cluster_id)
        for metric in LISTED:
            assert float(row[metric.name]) == pytest.approx(true.scores[metric.name], abs=0.006)
    assert shown_values(page, "chain") == [row["chain"] for row in saved][: len(shown_values(page, "chain"))]


def test_clearing_brings_back_every_row(page: Visit, made: Made):
    for name in ("text", "shortest", "longest", "least", "most"):
        page.page.locator(f"#filter-{name}").fill("1")
    assert page.text("#table-count").startswith("0 of")
    page.page.locator("#filter-clear").click()
    assert page.text("#table-count") == f"{len(made.rows)} of {len(made.rows)} rows"


@pytest.mark.parametrize(("field", "first"), [("length", "asc"), ("tm_score", "desc"), ("mae", "asc")])
def test_a_click_on_a_heading_sorts_and_another_turns_the_order(field: str, first: str, page: Visit):
    heading = page.page.locator(f".tabulator-col[tabulator-field={field}]")
    page.page.locator(".tabulator-col[tabulator-field=run]").click()
    for direction in (first, "desc" if first == "asc" else "asc"):
        heading.click()
        assert heading.get_attribute("aria-sort") == f"{direction}ending"
        values = [float(value) for value in shown_values(page, field)]
        assert len(values) > 5 and values == sorted(values, reverse=direction == "desc")


# Chains


def trace(seen: Visit) -> np.ndarray:
    return pixels(seen.page.locator("#trace canvas"))


def test_a_click_on_the_chain_that_is_open_leads_back_to_it(page: Visit):
    page.chain(PLAIN[0], RUNS[0])
    page.page.locator("#filter-text").fill(PLAIN[0])
    page.page.get_by_role("link", name=PLAIN[0], exact=True).click()
    page.shows(PLAIN[0])


def blank(seen: Visit) -> list[str]:
    """Return which of the three pictures of the chain have nothing on them."""
    pictures = ("#trace", "#map-distances", "#map-second")
    return [name for name in pictures if drawn(pixels(seen.page.locator(f"{name} canvas"))) < 0.01]


def test_ten_chains_one_after_another_are_each_drawn_with_one_webgl_context(page: Visit):
    page.page.locator("#filter-text").fill("c0")
    for chain in PLAIN[:10]:
        page.page.get_by_role("link", name=chain, exact=True).click()
        page.shows(chain)
        assert page.page.locator("#chain-run").input_value() == RUNS[0]
        assert not blank(page), chain
        assert page.page.evaluate("drawnOn.size") == 1


def test_a_blank_canvas_is_noticed(look: Look):
    with look(script=BLANK) as seen:
        seen.open()
        seen.chain(PLAIN[0])
        assert blank(seen) == ["#trace", "#map-distances", "#map-second"]


NUMBERS = re.compile(r"(experiment|predicted|deviation|contact) ([\d.]+)")


def expected_of_pair(view: ViewRow, i: int, j: int) -> dict[str, tuple[float, float]]:
    """Return what the tables hold of a pair, and how far off rounding may be, by the word of the readout."""
    low, high = sorted((i, j))
    at = low * (2 * view.length - low - 1) // 2 + high - low - 1
    triu, sigma = float(view.triu[at]), None if view.sigma is None else float(view.sigma[at])
    values = {
        "experiment": (float(np.linalg.norm(view.native[i] - view.native[j])), 0.08),
        "predicted": (triu, 0.06 + triu**0.5 / 16),
    }
    if sigma is not None:
        values |= {"deviation": (sigma, 0.06 + (1 + sigma) * 0.075), "contact": (100 * float(view.contact[at]), 1.6)}
    return values


def point_at_map(seen: Visit, which: str, i: int, j: int, length: int) -> None:
    canvas = seen.page.locator(f"#map-{which} canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    seen.page.mouse.move(box["x"] + (j + 0.5) * box["width"] / length, box["y"] + (i + 0.5) * box["height"] / length)


def crosses(seen: Visit, length: int) -> list[tuple[int, int]]:
    """Return the pair that the cross of each map stands at."""
    places = seen.page.evaluate(
        """() => ["distances", "second"].map((name) => ["across", "down"].map((line) => {
          const style = document.querySelector(`#map-${name} .${line}`).style;
          return parseFloat(line === "across" ? style.top : style.left);
        }))"""
    )
    return [tuple(round(place * length / 100 - 0.5) for place in pair) for pair in places]


def bar(seen: Visit) -> int:
    return int(seen.page.locator("#along .here").get_attribute("x"))


@pytest.mark.parametrize("run", RUNS[:2])
@pytest.mark.parametrize("which", ["distances", "second"])
def test_pointing_at_a_map_moves_everything_and_tells_the_numbers_of_the_pair(
    which: str, run: str, page: Visit, made: Made
):
    chain = PLAIN[3]
    page.chain(chain, run)
    view = made.views[run, chain]
    before = trace(page)
    for i, j in ((0, 60), (100, 7), (40, 44), (61, 60)):
        point_at_map(page, which, i, j, view.length)
        text = page.text("#readout")
        assert text.startswith(f"{view.sequence[i]}{i + 1} and {view.sequence[j]}{j + 1}: ")
        told = {name: float(value) for name, value in NUMBERS.findall(text)}
        expected = expected_of_pair(view, i, j)
        assert set(told) == set(expected)
        for name, (value, tolerance) in expected.items():
            assert told[name] == pytest.approx(value, abs=tolerance), (name, i, j)
        assert crosses(page, view.length) == [(i, j)] * 2 and bar(page) == j
    assert (trace(page) != before).any(axis=2).sum() > 20


def test_a_pair_of_which_the_experiment_knows_nothing_is_said_to_be_unknown(page: Visit, made: Made):
    page.chain(PLAIN[3], RUNS[0])
    view = made.views[RUNS[0], PLAIN[3]]
    point_at_map(page, "distances", 2, 50, view.length)
    assert "experiment unknown, predicted" in page.text("#readout")


def test_pointing_along_the_sequence_moves_everything(page: Visit, made: Made):
    chain = PLAIN[4]
    page.chain(chain, RUNS[0])
    view = made.views[RUNS[0], chain]
    before = trace(page)
    figure = page.page.locator("#along")
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    page.page.mouse.move(box["x"] + 30.5 * box["width"] / view.length, box["y"] + box["height"] / 2)
    off = np.linalg.norm(view.model[30] - view.native[30])
    told = re.fullmatch(r"(\w+): confidence (\d+), lDDT (\d+), ([\d.]+) Å from the experiment", page.text("#readout"))
    assert told and told[1] == f"{view.sequence[30]}31"
    assert int(told[2]) == pytest.approx(view.confidence[30], abs=0.8)
    lddt = next(row for row in made.rows if (row.run, row.chain_id) == (RUNS[0], chain)).profiles["lddt_residues"]
    assert int(told[3]) == pytest.approx(100 * lddt[29], abs=0.8)  # the third residue is not observed
    assert float(told[4]) == pytest.approx(off, abs=0.08)
    assert crosses(page, view.length) == [(30, 30)] * 2 and bar(page) == 30
    assert (trace(page) != before).any(axis=2).sum() > 20


def test_pointing_at_the_trace_moves_the_others(page: Visit, made: Made):
    chain = PLAIN[5]
    page.chain(chain, RUNS[0])
    canvas = page.page.locator("#trace canvas")
    canvas.scroll_into_view_if_needed()
    coloured = np.ptp(pixels(canvas).astype(int), axis=2) > 60
    # The middle of a stick, not its edge: all around it is coloured too.
    within = np.lib.stride_tricks.sliding_window_view(coloured, (5, 5)).all((2, 3))
    row, column = np.argwhere(within)[within.sum() // 2] + 2.0
    box = canvas.bounding_box()
    page.page.mouse.move(box["x"] + column - 1, box["y"] + row)
    page.page.mouse.move(box["x"] + column, box["y"] + row)
    page.page.wait_for_function("document.getElementById('readout').textContent.includes('from the experiment')")
    residue = int(re.match(r"[A-Z](\d+):", page.text("#readout"))[1]) - 1
    length = made.views[RUNS[0], chain].length
    assert crosses(page, length) == [(residue, residue)] * 2 and bar(page) == residue


# Files that the reader takes away


def saved_structure(seen: Visit, owner: str, kind: str, folder: Path) -> tuple[str, gemmi.Structure]:
    with seen.page.expect_download() as download:
        seen.page.get_by_label(f"Save {owner or 'the experiment'} as {kind}", exact=True).click()
    name = download.value.suggested_filename
    download.value.save_as(folder / name)
    return name, gemmi.read_structure(str(folder / name))


@pytest.mark.parametrize("kind", ["pdb", "mmCIF"])
@pytest.mark.parametrize("owner", [*RUNS[:2], ""])
def test_a_saved_structure_is_that_of_the_tables(owner: str, kind: str, page: Visit, made: Made, tmp_path: Path):
    chain = PLAIN[6]
    page.chain(chain, RUNS[0])
    _, structure = saved_structure(page, owner, kind, tmp_path)
    view = made.views[owner or RUNS[0], chain]
    observed = np.isfinite(view.native).all(1)
    expected = (view.model if owner else view.native) - view.native[observed].astype(float).mean(0)
    known = np.isfinite(expected).all(1)
    confidence = view.confidence if owner and view.confidence is not None else np.zeros(view.length)
    assert len(structure) == 1 and len(structure[0]) == 1
    residues = list(structure[0][0])
    assert [residue.seqid.num for residue in residues] == [at + 1 for at in np.flatnonzero(known)]
    letters = gemmi.one_letter_code([residue.name for residue in residues])
    assert letters == "".join(letter for letter, there in zip(view.sequence, known, strict=True) if there)
    atoms = [residue[0] for residue in residues]
    assert {atom.name for atom in atoms} == {"CA"} and {len(residue) for residue in residues} == {1}
    np.testing.assert_allclose([atom.pos.tolist() for atom in atoms], expected[known], atol=0.01)
    np.testing.assert_allclose([atom.b_iso for atom in atoms], confidence[known], atol=0.26)
    if kind == "mmCIF":
        structure.setup_entities()
        assert gemmi.one_letter_code(structure.entities[0].full_sequence) == view.sequence


# How it looks


@pytest.mark.parametrize("width", [380, 768, 1280, 1920])
def test_nothing_is_cut_off_sticks_out_or_lies_on_another_thing(width: int, page: Visit):
    page.page.set_viewport_size({"width": width, "height": 900})
    page.page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    page.chain(PLAIN[0], RUNS[0])
    problems = page.layout()
    page.chain("long" * 75)
    problems += page.layout()
    page.page.evaluate("for (const details of document.querySelectorAll('details')) details.open = false")
    assert not problems


def test_what_does_not_fit_is_noticed(look: Look):
    with look() as seen:
        seen.open()
        assert not seen.layout()
        seen.page.add_style_tag(
            content="#save-csv { margin-left: -4rem; } h1 { width: 4rem; overflow: hidden; overflow-wrap: normal; }"
            " .lead { margin-left: 90rem; width: 30rem; } #sections { width: 30rem; } .panel text { font-size: 30rem; }"
        )
        problems = "\n".join(seen.layout())
    for words in (
        "the page is",
        "cut off: h1",
        "sticks out: p.lead",
        "lies on button#save-csv",
        "the list of sections",
    ):
        assert words in problems, problems


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_axe_finds_nothing_serious(scheme: str, width: int, page: Visit):
    page.page.set_viewport_size({"width": width, "height": 900})
    page.page.emulate_media(color_scheme=scheme)
    page.chain(PLAIN[0], RUNS[0])
    # Thousands of points take a while, and axe has no rule on them.
    options = {"resultTypes": ["violations"]}
    found = Axe().run(page.page, context={"exclude": [[".panel svg"]]}, options=options).response["violations"]
    told = [(item["id"], item["impact"], [node["target"] for node in item["nodes"]][:5]) for item in found]
    assert not [item for item in told if item[1] in ("serious", "critical")], told


# Light and dark, paper and keys


PARTS = ("h1", ".lead", ".warn", ".finding .question", ".chip", ".cell", ".tabulator-row a", ".tabulator-col-title",
         "#readout", "#scores td", ".panel svg text", "figcaption", "#table-count", "button", "select")  # fmt: skip
"""Of the page, with text."""


def illegible(seen: Visit) -> list[str]:
    return [part for part in PARTS if seen.contrast(part) < 4.5]


def test_dark_and_light_follow_the_reader_and_the_button(look: Look):
    with look(scheme="dark") as seen:
        seen.open()
        seen.chain(PLAIN[0], RUNS[0])
        for dark in (True, False):
            assert seen.text("#theme") == ("Light" if dark else "Dark")
            for part in ("body", "header", ".tabulator-row", "#chain", ".panel svg text"):
                assert (seen.brightness(part) < 0.1) == dark, part
            assert not illegible(seen)
            assert not blank(seen)
            seen_picture = imread(io.BytesIO(seen.page.locator("#trace").screenshot()))
            assert (seen_picture[9, 9, :3].mean() < 0.2) == dark, "the ground of the traces"
            seen.page.locator("#theme").click()
        seen.page.emulate_media(color_scheme="light")
        seen.open()
        assert seen.brightness("body") < 0.1  # as the button said last
        assert not seen.complaints


@pytest.mark.parametrize("button", [False, True])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_white_and_has_the_content_without_what_is_for_the_screen(scheme: str, button: bool, page: Visit):
    if button:
        page.page.locator("#theme").click()
    page.page.emulate_media(media="print", color_scheme=scheme)
    for part in ("header", "#sections", ".filters", "#save-config", "h2 .anchor"):
        assert not page.page.locator(part).first.is_visible(), part
    for part in ("h1", "#leak", ".finding", "#matrix", ".tabulator-row", "#scores", "figure", "#data"):
        assert page.page.locator(part).first.is_visible(), part
    on_paper = [part for part in PARTS if page.page.locator(part).first.is_visible()]
    assert len(on_paper) > 8
    for part in on_paper:
        assert page.brightness(part) > 0.5 and page.contrast(part) > 4.5, part


def test_a_chain_that_is_open_is_printed_on_pages_that_do_not_end_after_the_first(page: Visit):
    page.chain(PLAIN[0], RUNS[0])
    page.page.emulate_media(media="print")
    assert page.page.locator("#trace canvas").is_visible() and not page.page.locator("#chain-close").is_visible()
    assert len(re.findall(rb"/Type\s*/Page\b", page.page.pdf())) > 3


def test_a_chain_is_closed_without_a_word(page: Visit):
    page.chain(PLAIN[0], RUNS[0])
    page.page.locator("#chain-close").click()
    assert not page.page.locator("#chain").is_visible() and page.page.evaluate("location.hash") == "#chains"
    page.page.wait_for_timeout(100)
    page.chain(PLAIN[1], RUNS[0])
    assert not blank(page)


def tab_to(seen: Visit, wanted: Callable[[str], bool], most: int = 80) -> list[str]:
    """Press Tab until something wanted has the focus; return all that had it, each of which must be seen to have it."""
    had = []
    for _ in range(most):
        seen.page.keyboard.press("Tab")
        had.append(seen.focused())
        assert seen.focus_is_seen(), had
        if wanted(had[-1]):
            return had
    raise AssertionError(f"not among {had}")


def test_everything_is_done_by_keys_alone(look: Look):
    with look() as seen:
        press = seen.page.keyboard.press
        seen.open()
        press("Tab")
        assert seen.focus_is_seen() and seen.page.locator(".skip").bounding_box()["x"] >= 0
        tab_to(seen, "#theme".__eq__)
        press("Space")
        assert seen.brightness("body") < 0.1
        press("Space")
        press("Tab")
        assert seen.page.locator("#sections a:focus").count() == 1
        seen.page.locator(".skip").focus()
        press("Enter")
        assert seen.focused() == "#main"
        had = tab_to(seen, "#save-csv".__eq__)
        for control in ("text", "run", "shortest", "longest", "least", "most", "flag", "clear"):
            assert f"#filter-{control}" in had
        seen.page.locator("#filter-text").focus()
        seen.page.keyboard.type(PLAIN[2])
        tab_to(seen, lambda _: seen.page.locator(".tabulator-row a:focus").count() == 1)
        press("Enter")
        seen.shows(PLAIN[2])
        assert seen.focus_is_seen()
        had = tab_to(seen, "#trace-left".__eq__)
        assert {"#chain-run", "#chain-before", "#chain-after", "#chain-close", "#trace-colours"} <= set(had)
        for key in ("Enter", "Space"):
            before = trace(seen)
            press(key)
            seen.page.wait_for_timeout(50)
            assert (trace(seen) != before).any()
        tab_to(seen, "canvas".__eq__)
        for _ in range(5):
            press("ArrowRight")
        readout = seen.text("#readout")
        i, j = crosses(seen, length := lengths(len(IDS))[IDS.index(PLAIN[2])])[0]
        press("ArrowDown")
        press("ArrowLeft")
        assert crosses(seen, length) == [(i + 1, j - 1)] * 2 and seen.text("#readout") != readout
        tab_to(seen, "#along".__eq__)
        press("ArrowRight")
        assert bar(seen) == j and crosses(seen, length) == [(j, j)] * 2
        assert seen.text("#readout").startswith(f"{RESIDUES[j % 20]}{j + 1}:")
        assert not seen.complaints


@pytest.mark.parametrize("width", [380, 768])
def test_the_menu_of_a_narrow_window_opens_the_sections(width: int, page: Visit):
    page.page.set_viewport_size({"width": width, "height": 900})
    menu, sections = page.page.locator("#menu"), page.page.locator("#sections")
    assert not sections.is_visible()
    menu.click()
    assert sections.is_visible() and menu.get_attribute("aria-expanded") == "true"
    sections.get_by_role("link", name="Data card").click()
    assert not sections.is_visible() and menu.get_attribute("aria-expanded") == "false"
    assert 0 <= page.page.locator("#data-heading").bounding_box()["y"] < 900


# Figures and anchors


def test_a_point_of_a_figure_names_its_chain_and_opens_it(page: Visit):
    points = json.loads(page.text("#points"))
    name = next(name for name in points if name.startswith("length-") and points[name]["run"] == RUNS[1])
    at = points[name]["chains"].index(PLAIN[1])
    point = page.page.locator(f"[id='{name}'] use").nth(at)
    point.evaluate("point => point.scrollIntoView({ block: 'center' })")
    box = point.bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(*place)
    run, place_in_run = page.page.evaluate(ON_TOP, place)
    top = points[run]["chains"][place_in_run], points[run]["run"]  # points may lie on each other
    assert page.page.locator("#tip").is_visible() and page.text("#tip") == ", ".join(top)
    point.dispatch_event("click", {"bubbles": True})
    page.shows(PLAIN[1])
    assert page.page.locator("#chain-run").input_value() == RUNS[1]
    page.page.mouse.move(0, 0)
    assert not page.page.locator("#tip").is_visible()


ON_TOP = """place => {
  const point = document.elementFromPoint(...place);
  const group = point.closest("g[id]");
  return [group.id, [...group.querySelectorAll("use")].indexOf(point)];
}"""


def test_every_point_of_a_figure_stands_for_the_chain_that_its_place_tells(page: Visit, made: Made):
    """The figure of lengths: points of longer chains lie to the right of those of shorter ones."""
    length = dict(zip(IDS, lengths(len(IDS)), strict=True))
    places = page.page.evaluate(
        """() => Object.entries(JSON.parse(document.getElementById("points").textContent))
          .filter(([name]) => name.startsWith("length-"))
          .map(([name, { chains }]) => {
            const points = [...document.getElementById(name).querySelectorAll("use")];
            return [chains, points.map((point) => Number(point.getAttribute("x")))];
          })"""
    )
    assert len(places) >= len(RUNS)
    for chains, x in places:
        assert len(chains) == len(x) and set(chains) <= set(IDS)
        ordered = [place for _, place in sorted(zip((length[chain] for chain in chains), x, strict=True))]
        assert ordered == sorted(ordered)


def test_ids_are_unique_and_every_link_within_the_page_leads_somewhere(page: Visit):
    ids = page.page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))
    targets = page.page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((link) => link.getAttribute('href').slice(1))"
    )
    assert {target for target in targets if not target.startswith("chain=")} <= set(ids)
    missing = page.page.evaluate(
        """() => [...document.querySelectorAll("main h2, main h3:not(#chain-name)")]
          .filter((heading) => !heading.id || heading.querySelector("a")?.hash !== `#${heading.id}`)
          .map(({ textContent }) => textContent)"""
    )
    assert not missing
    figures = page.page.evaluate(
        "[...document.querySelectorAll('figure')].map((figure) => [figure.id, figure.querySelector('h3 a')?.hash])"
    )
    assert len(figures) > 5 and all(id and anchor for id, anchor in figures)


@pytest.mark.parametrize("anchor", ["#figure-length", "#calibration", "#differences", "#split"])
def test_an_anchor_leads_to_what_it_names_also_when_it_is_folded(anchor: str, page: Visit):
    page.go(anchor)
    page.page.wait_for_function(
        "to => { const { top } = document.querySelector(to).getBoundingClientRect(); return top >= 0 && top < 300; }",
        arg=anchor,
    )
    if anchor == "#differences":
        assert page.page.locator("#differences table").is_visible()


def test_the_matrix_shows_the_score_that_is_chosen(page: Visit):
    def shown() -> set[str]:
        return set(
            page.page.locator("#matrix [data-metric]:visible").evaluate_all(
                "cells => cells.map((cell) => cell.dataset.metric)"
            )
        )

    assert shown() == {"lddt"}
    for metric in ("tm_score", "mae", "lddt"):
        page.page.locator(f"input[value={metric}]").check()
        assert shown() == {metric}


def test_a_leaky_split_is_told_before_anything_else(page: Visit):
    page.go("#main")
    page.page.evaluate("scrollTo(0, 0)")
    box = page.page.locator("#leak").bounding_box()
    assert box["y"] > 0 and box["y"] + box["height"] < 700
    assert box["y"] < page.page.locator(".finding").first.bounding_box()["y"]


# Chains that cannot be opened


def test_chains_beyond_those_that_can_be_opened_are_listed_but_no_links(page: Visit):
    assert f"{OPENED} of {len(IDS)} can be opened" in page.text("#chains > .note:not(#table-count)")
    closed = PLAIN[-1]
    page.page.locator("#filter-text").fill(closed)
    assert shown_values(page, "chain") == [closed]
    assert page.page.locator(".tabulator-row a").count() == 0
    page.chain(PLAIN[0])
    page.go(f"#chain={closed}")
    page.page.get_by_text(f"{closed} is not among the {OPENED} chains that can be opened.").wait_for()
    page.go("#chain=who%3Cb%3E")
    page.page.get_by_text("No chain is called who<b>.").wait_for()
    page.go("#chain=")
    page.page.get_by_text("No chain is called .").wait_for()
    page.chain(PLAIN[0])
    assert page.text("#chain-message") == ""


@pytest.mark.parametrize("address", ["#%E0%A4%A", "#chain=%E0%A4%A"])
def test_an_address_that_leads_nowhere_does_no_harm(address: str, look: Look):
    with look(width=380) as seen:
        seen.open(address)
        assert not seen.complaints


def test_a_page_without_chains_opens_without_a_word(chromium: Browser, tmp_path: Path):
    html = write_report(tmp_path, 0).html
    with visit(chromium, html) as seen:
        seen.page.goto(seen.address, wait_until="networkidle")
        assert "No chain was scored." in seen.text("#chains")
        seen.page.locator("#theme").click()
        assert not seen.layout() and not seen.complaints and not seen.requests


# Hostile text


def owned(seen: Visit) -> object:
    return seen.page.evaluate("[window.owned, document.title]")


@pytest.mark.parametrize("chain", HOSTILE)
def test_a_chain_with_a_hostile_id_opens_and_is_saved_under_a_name_that_does_no_harm(
    chain: str, page: Visit, tmp_path: Path
):
    page.page.locator("#filter-text").fill(chain.strip().partition("\n")[0][:40])
    links = page.page.locator(".tabulator-row a")
    links.nth(links.all_text_contents().index(chain)).click(position={"x": 4, "y": 6})
    page.shows(chain)
    address = page.page.evaluate("location.hash")
    assert unquote(address) == f"#chain={chain}&run={page.page.locator('#chain-run').input_value()}"
    page.page.locator("#chain-close").click()
    page.go(address)
    page.shows(chain)
    assert page.text("#chain-message") == ""
    name, structure = saved_structure(page, "", "mmCIF", tmp_path)
    assert re.fullmatch(r"[\w-][\w.-]*\.experiment\.cif", name, flags=re.ASCII) and len(name) < 130
    assert len(structure[0][0]) == lengths(len(IDS))[IDS.index(chain)] - 1
    assert owned(page) == [None, TITLE]


def test_hostile_text_of_every_table_is_shown_as_text(page: Visit):
    text = page.page.evaluate("document.getElementById('main').textContent")
    for words in (TITLE, f"Which? {EVIL}", f"This. {EVIL}", f"null_helix knows little. {EVIL}", f"bad{EVIL}"):
        assert words in text, words
    assert owned(page) == [None, TITLE]
    assert page.page.locator("main img, main script").count() == 0


def test_text_that_is_not_escaped_is_noticed(chromium: Browser, made: Made, tmp_path: Path):
    html = made.html.read_text(encoding="utf-8").replace("<main", f"{EVIL}<main", 1)
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    with visit(chromium, tmp_path / "index.html") as seen:
        seen.open()
        assert owned(seen)[0] is not None
