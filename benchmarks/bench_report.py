"""What the page of the report costs: bytes by part, the stages that make it, and the browser that shows it.

    python benchmarks/bench_report.py --config config.yaml            # a finished results folder, as it is
    python benchmarks/bench_report.py --config config.yaml --times 10 # each chain ten times, see report_tables.py
    python benchmarks/bench_report.py --config config.yaml --sharp    # with predictions that are as sharp as can be

The peer is the same data of the same chains as plain JSON, as pages usually hold it: coordinates with two decimals,
distances, deviations and probabilities with as many as the page gives back; of distances that the page leaves out,
since they are those of the trace, it has none either. Without results there is nothing to do.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from report_browser import Felt, felt
from report_tables import Results, enlarged, report_arguments, results_of, view_arguments, views_of

from proteinmtp.report.chains import view_parts
from proteinmtp.tables.views import ViewRow

MB = 1e6
LETTERS = 4 / 3
"""Of base64, for a byte."""
VISITS = 5
DECIMALS = {"coords": 2, "distances": 1, "off_trace": 1, "sigma": 1, "contact": 2, "confidence": 1}
ELEMENT = r'<script type="text/plain" id="{}[^"]*">(.*?)</script>'


def stage(arguments: Sequence[str]) -> tuple[float, float, int]:
    """Run a stage; return its seconds, its processor time, and its greatest memory, bytes."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "pipeline", *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    message = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(message)
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def page_parts(html: str) -> dict[str, int]:
    """Return the bytes of the parts of a page."""
    of = {
        "libraries": sum(len(text) for text in re.findall(ELEMENT.format("library-"), html, re.DOTALL)),
        "figures": sum(len(text.encode()) for text in re.findall(r"<svg.*?</svg>", html, re.DOTALL)),
        "points of figures": len(re.findall(r'id="points">(.*?)</script>', html, re.DOTALL)[0].encode()),
        "index of chains": len(re.findall(ELEMENT.format("index"), html, re.DOTALL)[0]),
        "chains": sum(len(text) for text in re.findall(ELEMENT.format("chain-"), html, re.DOTALL)),
    }
    return {**of, "rest": len(html.encode()) - sum(of.values())}


def chain_bytes(results: Results) -> dict[tuple[str, str], tuple[float, int]]:
    """Return by run and part the bytes in the page and those as plain JSON."""
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for view in views_of(results):
        for part in view_parts(view):
            ours, theirs = sums.get((view.run, part.what), (0, 0))
            sums[view.run, part.what] = ours + LETTERS * len(part.content), theirs + plain(view, part.what)
    return sums


def plain(view: ViewRow, what: str) -> int:
    """Return the bytes of an array of a chain as JSON."""
    values = {"coords": view.model, "distances": view.triu, "off_trace": view.triu}.get(what, getattr(view, what, None))
    return len(json.dumps(np.round(values.astype(float), DECIMALS[what]).tolist(), separators=(",", ":")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, nargs="+", default=[Path("config.yaml")], help="of finished results")
    parser.add_argument("--times", type=int, default=1, help="how often each chain is there")
    parser.add_argument(
        "--opened", type=int, help="chains that can be opened; all copies of those that can be, if it is not given"
    )
    parser.add_argument("--sharp", action="store_true", help="the runs predict as sharply as the experiment")
    parser.add_argument("--keep", type=Path, help="folder where the page is left")
    asked = parser.parse_args()
    results = results_of(*asked.config)
    if not (results.folder / "report" / "index.html").is_file():
        print(f"{results.folder} holds no finished report: nothing to measure")
        return
    with tempfile.TemporaryDirectory() as scratch:
        large = results
        if asked.times > 1 or asked.opened is not None or asked.sharp:
            tables = Path(scratch, "tables")
            large = enlarged(results, tables, times=asked.times, opened=asked.opened, sharp=asked.sharp)
        output = asked.keep or Path(scratch, "report")
        output.mkdir(parents=True, exist_ok=True)
        measure(results, large, output)


def measure(results: Results, large: Results, output: Path) -> None:
    """Print everything that is measured of a page."""
    for name, arguments in (("report", report_arguments(large, output)), ("view", view_arguments(results, output))):
        seconds, computed, memory = stage(arguments)
        print(f"stage {name:8}{seconds:8.1f} s{computed:8.1f} s of computing{memory / MB:8.0f} MB at most", flush=True)

    html = (output / "index.html").read_text(encoding="utf-8")
    parts = page_parts(html)
    for name, size in parts.items():
        print(f"{name:24}{size / MB:8.2f} MB")
    print(f"{'the page':24}{sum(parts.values()) / MB:8.2f} MB", flush=True)

    lengths = {view.chain_id: view.length for view in views_of(large) if view.run == large.shown[0]}
    order = sorted(lengths, key=lambda chain: (lengths[chain], chain))
    seen = felt(
        output / "index.html",
        short=order[0],
        long=order[-1],
        others=order[1:-1][:: max(1, len(order) // 20)],
        visits=VISITS,
    )
    show(seen, lengths[order[0]], lengths[order[-1]])
    sums = chain_bytes(large)
    print(f"{'in chains':24}{'page':>11}{'JSON':>11}{'ratio':>8}")
    for what in dict.fromkeys(what for _, what in sums):
        ours, theirs = (sum(pair[side] for (_, of), pair in sums.items() if of == what) for side in (0, 1))
        print(f"{what:24}{ours / MB:8.2f} MB{theirs / MB:8.2f} MB{theirs / ours:8.1f}")
    for run in large.shown:
        ours, theirs = (sum(pair[side] for (of, _), pair in sums.items() if of == run) for side in (0, 1))
        print(f"{run:24}{ours / MB:8.2f} MB{theirs / MB:8.2f} MB{theirs / ours:8.1f}", flush=True)


def show(seen: Felt | None, short: int, long: int) -> None:
    """Print what a browser took; `short` and `long` are residues."""
    if seen is None:
        print("no browser is installed: nothing to see")
        return
    print(f"first row after {seen.best:.2f} s at best, {seen.median:.2f} s in the median of {VISITS}")
    print(f"memory with the table: script {seen.heap / MB:.0f} MB, process {seen.resident / MB:.0f} MB; "
          f"after {seen.more} more chains {seen.heap_after / MB:.0f}, {seen.resident_after / MB:.0f} MB")  # fmt: skip
    print(f"a chain of {short} residues: {seen.first:.2f} s as the first, {seen.short:.2f} s later; "
          f"of {long} residues: {seen.long:.2f} s")  # fmt: skip
    print(f"table: sorted in {seen.sort:.2f} s, searched in {seen.search:.2f} s, narrowed in {seen.narrow:.2f} s")


if __name__ == "__main__":
    main()
