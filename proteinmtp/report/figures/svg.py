"""From an SVG file as matplotlib writes it to an element for the page: small, and with names that are its own there."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from proteinmtp.base.files import text_sha256

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
COORDINATES = ("d", "x", "y", "width", "height", "transform", "points")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def inline(content: bytes, *, prefix: str, colours: Mapping[str, str]) -> str:
    """Return the `<svg>` element of a file, to stand in a page beside others.

    Its size is left to the page, its font is the page's kind, and what would speak of the whole page, a style sheet,
    is gone. Names from data come out escaped.

    Parameters:
        content: SVG, with text as text.
        prefix: unlike that of any other drawing of the page. Ids that begin with it stay as they are; others become
            short and differ from those of other drawings.
        colours: replacements of colours, #rrggbb in lower case.
    """
    root = ElementTree.fromstring(content)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(name): value for name, value in element.attrib.items()}
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    for parent in reversed(list(root.iter())):  # children before the group that takes their style
        for child in [child for child in parent if child.tag in ("metadata", "style")]:
            parent.remove(child)
        _tidy(parent, colours)
    _name(root, prefix)
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        **root.attrib,
        "style": f"font-family: {FONT}; stroke-linejoin: round; stroke-linecap: butt",
    }
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")  # in texts and values > is escaped


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def _tidy(element: ElementTree.Element, colours: Mapping[str, str]) -> None:
    """Shorten numbers and styles, and give a style that all markers of a group have to the group."""
    for name in COORDINATES:
        if name in element.attrib:
            element.set(name, _LONG.sub(_rounded, element.attrib[name]))
    if "style" in element.attrib:
        parts = [part.strip() for part in element.get("style", "").split(";")]
        style = "; ".join(part for part in parts if part and not part.startswith("font-family"))
        for colour, variable in colours.items():
            style = style.replace(colour, variable)
        element.set("style", style)
    if element.tag == "g" and len(element) and all(child.tag == "use" for child in element):
        of_children = {child.get("style", "") for child in element}
        if len(of_children) == 1:
            for child in element:
                child.attrib.pop("style", None)
            element.set("style", of_children.pop())
    if not (element.text or "").strip():
        element.text = None
    element.tail = None


def _rounded(match: re.Match[str]) -> str:
    """Return a number with two decimals, which are hundredths of a point."""
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _name(root: ElementTree.Element, prefix: str) -> None:
    """Give every id that something refers to a name of its own in the page, and drop the others."""
    short = f"s{text_sha256(prefix)[:6]}"  # thousands of points refer to their marker
    used = {value[1:] for element in root.iter() if (value := element.get("href", "")).startswith("#")}
    used |= {
        match for element in root.iter() for value in element.attrib.values() for match in _REFERENCE.findall(value)
    }
    names: dict[str, str] = {}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old is not None and (old in used or old.startswith(f"{prefix}-")):
            names[old] = old if old.startswith(f"{prefix}-") else f"{short}-{len(names)}"
            element.set("id", names[old])
    for element in root.iter():
        if element.get("href", "").startswith("#"):
            element.set("href", f"#{names[element.attrib['href'][1:]]}")
        for name, value in element.attrib.items():
            if "url(#" in value:
                element.set(name, _REFERENCE.sub(lambda match: f"url(#{names[match[1]]})", value))
