"""A page in a browser that has no network: what it asks for and what it complains of are written down."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
from playwright.sync_api import Browser, Locator, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--enable-unsafe-swiftshader", "--use-angle=swiftshader", "--disable-gpu-compositing", "--no-sandbox")
"""WebGL without a graphics card; a container's root may not make a sandbox."""

COUNTED = """
window.drawnOn = new Set();
for (const made of [HTMLCanvasElement, OffscreenCanvas]) {
  const original = made.prototype.getContext;
  made.prototype.getContext = function (kind, ...options) {
    const context = original.call(this, kind, ...options);
    if (context && kind.includes("webgl")) window.drawnOn.add(this);
    return context;
  };
}
"""
"""Runs before the page does: `drawnOn` gathers the canvases that have a WebGL context."""

BLANK = """
for (const name of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"]) {
  for (const made of [WebGLRenderingContext, WebGL2RenderingContext]) made.prototype[name] = () => {};
}
CanvasRenderingContext2D.prototype.putImageData = () => {};
"""
"""Runs before the page does: nothing is drawn on any canvas."""

COPIED = """canvas => {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.imageSmoothingEnabled = false;
  copy.drawImage(canvas, 0, 0, width, height);
  const bytes = copy.getImageData(0, 0, width, height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return [width, height, btoa(text)];
}"""
"""A canvas as width, height and pixels, those of the window; of a copy, since reading makes a canvas slow."""

READING = "GPU stall due to ReadPixels"
"""What the console says when a test, not the page, reads what WebGL has drawn."""

FOCUS = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const { left, right, top, bottom } = at.getBoundingClientRect();
  const inside = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  return inside && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
}"""

COLOURS = """element => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const ink = getComputedStyle(element)[element instanceof SVGElement ? "fill" : "color"];
  let ground = [255, 255, 255, 0];
  for (let at = element; at && ground[3] === 0; at = at.parentElement) {
    ground = [...numbers(getComputedStyle(at).backgroundColor), 1].slice(0, 4);
  }
  return [numbers(ink).slice(0, 3), ground.slice(0, 3)];
}"""
"""The colour of an element's text, and of the ground below it."""

LAYOUT = (Path(__file__).parent / "layout.js").read_text(encoding="utf-8")


@dataclass
class Visit:
    """A page that is looked at.

    Attributes:
        page: Playwright's.
        address: of the page, without a fragment.
        requests: addresses that it asked for, beside its own.
        complaints: messages of its console, of any kind, and errors of its scripts.
    """

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, fragment: str = "") -> None:
        """Load the page, and wait until its scripts have done what they do at the start."""
        self.page.goto("about:blank")
        self.page.goto(self.address + fragment)
        self.page.wait_for_selector(".tabulator-row")

    def chain(self, chain: str, run: str = "") -> None:
        """Open a chain by its address, and wait until it is shown; without a run, as the page chooses."""
        self.go(f"#chain={quote(chain, safe='')}{run and f'&run={run}'}")
        self.shows(chain)

    def go(self, fragment: str) -> None:
        """Go to a place of the page, as a link does; nothing has the focus."""
        self.page.evaluate(
            "to => { document.activeElement.blur(); history.replaceState(null, '', '#'); location.hash = to; }",
            fragment,
        )

    def shows(self, chain: str) -> None:
        """Wait until a chain is shown whole: then the focus is on its heading."""
        self.page.wait_for_function(
            "id => document.activeElement.id === 'chain-name' && document.activeElement.textContent === id", arg=chain
        )

    def text(self, selector: str) -> str:
        """Return the text of the one element."""
        return self.page.locator(selector).text_content() or ""

    def focused(self) -> str:
        """Return what has the focus, as a selector says it: an id, or a kind of element."""
        return self.page.evaluate(
            "() => { const at = document.activeElement; return at.id ? `#${at.id}` : at.tagName.toLowerCase(); }"
        )

    def focus_is_seen(self) -> bool:
        """Return whether what has the focus lies in the window and has a line around it."""
        return self.page.evaluate(FOCUS)

    def contrast(self, selector: str) -> float:
        """Return the contrast of the first such element's text to what it stands on, 1 to 21 (WCAG 2.2)."""
        ink, ground = (_luminance(colour) for colour in self.page.locator(selector).first.evaluate(COLOURS))
        return (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)

    def brightness(self, selector: str) -> float:
        """Return the luminance, 0 to 1, of what the first such element stands on."""
        return _luminance(self.page.locator(selector).first.evaluate(COLOURS)[1])

    def layout(self) -> list[str]:
        """Return what does not fit, in words."""
        return self.page.evaluate(LAYOUT)


def _luminance(colour: list[float]) -> float:
    """Return the relative luminance of WCAG 2.2 of red, green and blue, 0 to 255."""
    parts = np.array(colour) / 255
    return float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


@contextmanager
def browser() -> Iterator[Browser | None]:
    """Start a browser; None where there is no program for it."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        yield None
        return
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@contextmanager
def visit(
    browser: Browser, html: Path, *, width: int = 1280, height: int = 900, scheme: str = "light", script: str = COUNTED
) -> Iterator[Visit]:
    """Give a fresh window for a file, without a network.

    Parameters:
        browser: in which.
        html: the file.
        width, height: of the window.
        scheme: that the reader prefers, "light" or "dark".
        script: runs before those of the page.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, reduced_motion="reduce"
    )
    context.set_default_timeout(8_000)
    context.add_init_script(script)
    page = context.new_page()
    seen = Visit(page, html.as_uri())

    def is_own(address: str) -> bool:
        return address.partition("#")[0] in (seen.address, "about:blank") or address.startswith(("data:", "blob:"))

    page.on("request", lambda request: None if is_own(request.url) else seen.requests.append(request.url))
    page.on("websocket", lambda socket: seen.requests.append(socket.url))
    page.on("console", lambda message: None if READING in message.text else seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.route(lambda address: not is_own(address), lambda route: route.abort())
    yield seen
    context.close()


def pixels(canvas: Locator) -> np.ndarray:
    """Return what is drawn on a canvas as (height, width, 3) numbers 0 to 255, a pixel of the window each."""
    width, height, bytes_ = canvas.evaluate(COPIED)
    return np.frombuffer(base64.b64decode(bytes_), np.uint8).reshape(height, width, 4)[..., :3]


def drawn(shown: np.ndarray) -> float:
    """Return the share of (height, width, 3) pixels that differ from the commonest colour."""
    counts = np.unique(shown @ (65536, 256, 1), return_counts=True)[1]
    return float(1 - counts.max() / counts.sum())
