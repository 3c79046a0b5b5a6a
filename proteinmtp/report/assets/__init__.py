"""What the page is made of beside its template: its style and its script, and two libraries by others."""

import re
from importlib.resources import files

STYLES = ("base.css", "report.css")
SCRIPTS = ("unpack.js", "page.js", "scales.js", "files.js", "maps.js", "along.js", "trace.js", "chain.js", "table.js")
"""Parts of the script, in the order in which they stand in the page."""

LIBRARIES = {
    "3Dmol-min.js": "f7cc78921ae72e7623e89cdd111434f58c2efddd2ffda1cd212644b406fb8016",
    "tabulator.min.js": "ffac518cb793c672a2f0522b7fc80bf862234d96bb1e581c8aaf7f48f130eafa",
    "tabulator.min.css": "edef8839235a4b6a8c3dc391ec93f2ce1bc633dd5270a5f990753b6f9183d32b",
}
"""sha256 of the libraries as they came: 3Dmol.js 2.5.5 (BSD 3-clause), `build/3Dmol-min.js` of the npm package `3dmol`;
Tabulator 6.5.3 (MIT), `dist/js/tabulator.min.js` and `dist/css/tabulator_simple.min.css` of `tabulator-tables`."""

LICENCES = {"3Dmol.js": "3Dmol-LICENSE.txt", "Tabulator": "tabulator-LICENSE.txt"}


def text(*names: str) -> str:
    """Return files of this folder, one after the other."""
    return "\n".join(files(__package__).joinpath(name).read_text(encoding="utf-8") for name in names)


def vendored(name: str) -> str:
    """Return a library without the line that names a file for debuggers, which is not there."""
    return re.sub(r"(//|/\*)# sourceMappingURL=\S+( \*/)?", "", text(name))
