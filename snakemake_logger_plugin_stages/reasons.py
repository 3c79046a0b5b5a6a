"""Why a job runs, in a few words, from what Snakemake says of it."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

SHOWN = 3
"""Settings that are named; of more, the number is told."""

PARAMS = "Params have changed since last execution: "
BORDERS = ("before: ", " now: ")
NOTHING = "<nothing exclusive>"

BEGINNINGS = {
    "Forced execution": "asked for",
    "Set of input files has changed": "it reads other files than before",
    "Code has changed": "its rule changed",
    "Software environment definition": "its environment changed",
    "Incomplete output files": "it was interrupted",
}
"""What Snakemake says, and the words for it; the rest names files."""

CODE = re.compile(r"[0-9a-f]{16}")
"""The fingerprint of a stage's code (`proteinmtp.base.fingerprint`)."""


def reasons(said: str, *, made: bool, after: Iterable[str] = ()) -> list[str]:
    """Return why a job runs.

    Parameters:
        said: Snakemake's words, such as `Missing output files: a; Code has changed since last execution`.
        made: whether the job was done before, as far as one can see.
        after: stages that run before it and whose outputs it reads.
    """
    found = [words for beginning, words in BEGINNINGS.items() if beginning in said]
    if PARAMS in said:
        found += changes(said.partition(PARAMS)[2])
    if "Missing output files: " in said:
        missing = re.split(r"[,;] ", said.partition("Missing output files: ")[2])[0]
        found.append(f"{missing} is missing" if made else "not done yet")
    if "Updated input files: " in said:
        updated = re.split(r"[,;] ", said.partition("Updated input files: ")[2])[0]
        found.append(f"{updated} changed")
    return found or [f"follows {', '.join(after)}" if (after := list(after)) else said]


def changes(said: str) -> list[str]:
    """Return what changed in the params of a job: settings by their keys, its code, the files behind its settings."""
    before, now = _values(said)
    found = [_settings(_named(before), _named(now))]
    if any(_is_code(value) for value in now):
        found.append("its code changed")
    if any(not _is_code(value) and _json(value) is None for value in [*before, *now]):
        found.append("the files that it reads changed")
    return [words for words in found if words]


def _values(said: str) -> tuple[list[Any], list[Any]]:
    """Return the params before and now; both empty if Snakemake says it in another way."""
    start, border = BORDERS
    rest = said.partition(start)[2]
    for at in (match.start() for match in re.finditer(re.escape(border), rest)):
        try:
            return _list(rest[:at]), _list(re.split(r" ; |\s*$", rest[at + len(border) :])[0])
        except (ValueError, SyntaxError):
            continue  # the words stand in a setting
    return [], []


def _list(text: str) -> list[Any]:
    return [] if text.strip() == NOTHING else list(ast.literal_eval(f"[{text}]"))


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and CODE.fullmatch(value) is not None


def _json(value: Any) -> dict[str, Any] | None:
    """Return the settings that a param is; None if it is none."""
    if not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        return dict(json.loads(value))
    except ValueError:
        return None


def _named(values: Iterable[Any]) -> dict[str, Any]:
    return {key: leaf for value in values for key, leaf in _leaves(_json(value) or {})}


def _leaves(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(settings, Mapping) and settings:
        for key, value in settings.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, settings


def _settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    absent = object()
    changed = [key for key in sorted({*before, *now}) if before.get(key, absent) != now.get(key, absent)]
    words = [f"{key} {_text(before, key)} -> {_text(now, key)}" for key in islice(changed, SHOWN)]
    more = [f"{len(changed) - SHOWN} more"] if len(changed) > SHOWN else []
    return ", ".join(["settings: " + ", ".join([*words, *more])]) if changed else ""


def _text(settings: Mapping[str, Any], key: str) -> str:
    return json.dumps(settings[key]) if key in settings else "none"


def is_made(outputs: Iterable[str]) -> bool:
    """Return whether any output of a job is there."""
    return any(Path(output).exists() for output in outputs)
