"""YAML files of keys and values, read strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from proteinmtp.base.errors import ConfigError

MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Return the content of a YAML file.

    Raises:
        ConfigError: if it cannot be read, holds no mapping, or a key twice.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(raw or {}, Mapping):
        raise ConfigError(f"{path}: holds no keys and values, but {type(raw).__name__}")
    return raw or {}


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML takes the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag != MERGE and lines.setdefault(key.value, line) != line:
                raise yaml.YAMLError(f"the key {key.value!r} stands twice, in lines {lines[key.value]} and {line}")
        return super().construct_mapping(node, deep)
