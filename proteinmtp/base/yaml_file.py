"""YAML files of keys and values, read strictly; JSON too."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from proteinmtp.base.errors import ConfigError

MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Return the content of a YAML or JSON file.

    Raises:
        ConfigError: if it cannot be read, holds no mapping, or in YAML a key twice, of which the last would count.
    """
    try:
        raw = _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(raw or {}, Mapping):
        raise ConfigError(f"{path}: holds no keys and values, but {type(raw).__name__}")
    return raw or {}


def _parsed(text: str) -> Any:
    with suppress(json.JSONDecodeError):
        return json.loads(text)
    root = yaml.compose(text, yaml.SafeLoader)
    twice = [] if root is None else list(_keys_twice(root, set()))
    if twice:
        raise yaml.YAMLError("; ".join(twice))
    return yaml.safe_load(text)


def _keys_twice(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """Yield a sentence for each key that stands twice in a mapping, as it is written.

    Nodes that are referred to are looked at once.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys_twice(item, seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in lines:
                    yield f"the key {key.value!r} stands twice, in lines {lines[key.value]} and {line}"
                lines[key.value] = line
            yield from _keys_twice(value, seen)
