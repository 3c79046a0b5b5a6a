"""YAML files of keys and values, read strictly; JSON too."""

import json
from collections.abc import Mapping
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
    if root is not None:
        _check_keys(root, set())
    return yaml.safe_load(text)


def _check_keys(node: yaml.Node, seen: set[int]) -> None:
    """Raise for a key that stands twice in a mapping, as it is written; nodes that are referred to are checked once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in lines:
                    raise yaml.YAMLError(f"the key {key.value!r} stands twice, in lines {lines[key.value]} and {line}")
                lines[key.value] = line
            _check_keys(value, seen)
