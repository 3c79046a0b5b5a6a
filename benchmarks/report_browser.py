"""What a page of the report asks of a browser: seconds until it shows something, and memory of its tab."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ("--enable-unsafe-swiftshader", "--use-angle=swiftshader", "--no-sandbox")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FIRST_ROW = ".tabulator-row"
PATIENCE = 120_000
"""Milliseconds that a step may take."""

OPEN = """async (address) => {
  const readout = document.getElementById("readout");
  readout.textContent = "";
  const began = performance.now();
  location.hash = address;
  while (!readout.textContent) {
    if (performance.now() - began > 60000) throw new Error(`${address} was not shown`);
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - began;
}"""
"""Opens a chain by its address; its last step writes into the readout."""

SORT = """async (field) => {
  const began = performance.now();
  document.querySelector(`.tabulator-col[tabulator-field="${field}"] .tabulator-col-title`).click();
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""

FILTER = """async ([name, value]) => {
  const began = performance.now();
  const control = document.getElementById(`filter-${name}`);
  control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


@dataclass(frozen=True, kw_only=True)
class Felt:
    """Seconds and bytes.

    Attributes:
        openings: from the address to the first row of the table, of several visits.
        heap, resident: memory of the tab with the table: of the script after a collection, of the process.
        first: a short chain as the first one that is opened, for which the viewer is unpacked.
        short, long: a short and the longest chain later.
        heap_after, resident_after: memory when `more` chains have been opened.
        more: chains.
        sort, search, narrow: the table sorted by a score, searched for a text, and narrowed to one run.
    """

    openings: Sequence[float]
    heap: int
    resident: int
    first: float
    short: float
    long: float
    heap_after: int
    resident_after: int
    more: int
    sort: float
    search: float
    narrow: float

    @property
    def best(self) -> float:
        """The fastest opening."""
        return min(self.openings)

    @property
    def median(self) -> float:
        """The usual opening."""
        return median(self.openings)


def felt(html: Path, *, short: str, long: str, others: Sequence[str], visits: int) -> Felt | None:
    """Visit a page; None where there is no browser.

    Parameters:
        html: the page.
        short, long: a short and the longest chain that can be opened.
        others: some more, neither of the two.
        visits: for the time of opening.
    """
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if program is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        openings = [_opening(browser, html) for _ in range(visits)]
        page = _page(browser)
        page.goto(html.as_uri())
        page.wait_for_selector(FIRST_ROW, timeout=PATIENCE)
        heap, resident = _memory(page)
        sort = _seconds(page, SORT, "lddt")
        search = _seconds(page, FILTER, ["text", short[:3]])
        narrow = _seconds(page, FILTER, ["run", "null_separation"])
        first, longest, later = (_seconds(page, OPEN, _address(chain)) for chain in (short, long, short))
        for chain in others:
            _seconds(page, OPEN, _address(chain))
        heap_after, resident_after = _memory(page)
        browser.close()
    return Felt(
        openings=openings, heap=heap, resident=resident, first=first, short=later, long=longest, heap_after=heap_after,
        resident_after=resident_after, more=len(others), sort=sort, search=search, narrow=narrow,
    )  # fmt: skip


def _page(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True).new_page()
    page.set_default_timeout(PATIENCE)
    return page


def _opening(browser: Browser, html: Path) -> float:
    page = _page(browser)
    page.goto(html.as_uri(), wait_until="commit")
    page.wait_for_selector(FIRST_ROW, state="attached")
    seconds = float(page.evaluate("performance.now()")) / 1000
    page.context.close()
    return seconds


def _seconds(page: Page, script: str, argument: object) -> float:
    return float(page.evaluate(script, argument)) / 1000


def _address(chain: str) -> str:
    return f"chain={quote(chain, safe='')}"


def _memory(page: Page) -> tuple[int, int]:
    """Return bytes of the script's heap after a collection, and of the tab's process."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    values = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
    return int(values["JSHeapUsedSize"]), max(map(_resident, psutil.Process().children(recursive=True)))


def _resident(process: psutil.Process) -> int:
    """Return the memory of a process that draws a tab, zero for others."""
    try:
        return process.memory_info().rss if "--type=renderer" in process.cmdline() else 0
    except psutil.NoSuchProcess:
        return 0
