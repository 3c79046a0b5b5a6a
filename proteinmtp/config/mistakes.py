"""What pydantic finds wrong with a configuration, in words for the person who wrote it."""

import difflib
from collections.abc import Mapping

from pydantic import BaseModel, ValidationError


def describe(
    error: ValidationError, model: type[BaseModel], *, prefix: str = "", beside: type[BaseModel] | None = None
) -> str:
    """Return one line for each mistake: the key, what stands there, and what is allowed.

    Parameters:
        error: from pydantic.
        model: the model that was validated, for the keys that it has.
        prefix: stands before each key.
        beside: another model whose keys stand among those of the first.
    """
    lines = []
    for item in error.errors():
        location = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
        if item["type"] == "extra_forbidden":
            allowed = _keys_at(model, item["loc"][:-1])
            if beside is not None and len(item["loc"]) == 1:
                allowed = sorted({*allowed, *beside.model_fields})
            close = difflib.get_close_matches(str(item["loc"][-1]), allowed, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            message = f"unknown key; {hint}allowed here: {', '.join(allowed)}"
        else:
            message = item["msg"].removeprefix("Value error, ")
            message = message[:1].lower() + message[1:]
            if not isinstance(item["input"], Mapping):
                message += f"; found {item['input']!r}"
            if isinstance(item["input"], str) and item["type"] in ("float_type", "int_type"):
                message += _number_advice(item["input"])
        lines.append(f"{prefix}{location + ': ' if location else ''}{message}")
    return "\n".join(lines)


def _number_advice(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return ", which is text"
    written = repr(number) if "e" not in repr(number) else f"{number:.1e}"
    return f", which YAML reads as text; write {written} without quotes"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
    return sorted(model.model_fields)
