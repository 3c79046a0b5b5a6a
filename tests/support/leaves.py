"""The leaves of the configuration: its keys, of lists the keys of an entry."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

PART = re.compile(r"(\w+)(?:\[([\w.]*)\])?")


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the leaves below a section, such as `source.kind`, and `runs[].name` for the entries of a list."""
    for name, field in model.model_fields.items():
        section, is_list = _section(field.annotation)
        if section is None:
            yield f"{prefix}{name}"
        else:
            yield from leaves(section, f"{prefix}{name}{'[]' if is_list else ''}.")


def _section(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the section that a field holds, if any, and whether it holds a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        section, is_list = _section(inner)
        if section is not None:
            return section, is_list or getattr(annotation, "__origin__", None) is list
    return None, False


def kind_of(leaf: str) -> str:
    """Return a leaf without the name of an entry: `runs[]` for `runs[slots]`."""
    return re.sub(r"\[[\w.]+\]", "[]", leaf)


def changed(config: Mapping[str, Any], leaf: str, value: Any) -> dict[str, Any]:
    """Return a configuration with another value of a leaf; an entry of a list is named, as in `runs[slots].seeds`."""
    result = copy.deepcopy(dict(config))
    *sections, (last, _) = PART.findall(leaf)
    place = result
    for name, entry in sections:
        place = place.setdefault(name, {})
        if entry:
            place = next(item for item in place if item["name"] == entry)
    assert last not in place or place[last] != value, f"{leaf} is {value!r} already"
    place[last] = value
    return result
