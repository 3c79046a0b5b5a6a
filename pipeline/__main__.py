"""`python -m pipeline RULE ...` runs one stage, as its rule does: a flag for each field of its inputs and outputs.

Settings come as one JSON object in `--options`, and single words and numbers may have a flag of their own; what is left
out has its default. `--debug` shows the traceback of a mistake that would otherwise end in one line.
"""

import argparse
import importlib
import json
import os
import pkgutil
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from proteinmtp.base import logs
from proteinmtp.base.errors import ConfigError, DataError, one_line
from proteinmtp.tables.shards import Shards


def main() -> None:
    """Run the stage that the command line names."""
    # Jobs run beside each other, so none takes all cores for itself; training sets its own number of threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logs.setup()
    folder = str(Path(__file__).parent)
    names = sorted(module.name for module in pkgutil.iter_modules([folder]) if not module.name.startswith("_"))
    rules = argparse.ArgumentParser(prog="python -m pipeline", description="Run one stage of the workflow.")
    rules.add_argument("rule", choices=names, help="name of the rule")
    rule = rules.parse_args(sys.argv[1:2]).rule
    stage = importlib.import_module(f"pipeline.{rule}")
    arguments = _parser(rule, stage).parse_args(sys.argv[2:])
    with one_line(debug=arguments.debug):
        run(stage, vars(arguments))


def run(stage: ModuleType, arguments: dict[str, Any]) -> None:
    """Run a stage with the values of its flags."""
    inputs = stage.Inputs(**{field.name: _value(arguments[field.name]) for field in fields(stage.Inputs)})
    for name, value in vars(inputs).items():
        for path in [value] if isinstance(value, Path) else value:
            if not path.exists():
                raise DataError(f"--{name.replace('_', '-')}: there is no {path}")
    outputs = stage.Outputs(**{field.name: _value(arguments[field.name]) for field in fields(stage.Outputs)})
    stage.run(inputs, outputs, _options(stage, arguments))


def _parser(rule: str, stage: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m pipeline {rule}",
        description=stage.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for group, files in (("inputs", stage.Inputs), ("outputs", stage.Outputs)):
        section = parser.add_argument_group(group)
        hints = get_type_hints(files, include_extras=True)
        for field in fields(files):
            kind, meaning, *_ = (*get_args(hints[field.name]), "", "")
            flag = f"--{field.name.replace('_', '-')}"
            if kind is Shards:
                section.add_argument(flag, type=str, required=True, metavar="FOLDER:COUNT", help=meaning)
            elif kind is Path:
                section.add_argument(flag, type=Path, required=True, metavar="PATH", help=meaning)
            else:
                section.add_argument(flag, type=Path, nargs="*", default=[], metavar="PATH", help=meaning)
    settings = parser.add_argument_group("settings")
    keys = ", ".join(stage.Options.model_fields) or "none"
    settings.add_argument(
        "--options", default="{}", metavar="JSON", help=f"keys: {keys}; what is left out has its default"
    )
    for name, kind in _single(stage).items():
        settings.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper())
    settings.add_argument("--debug", action="store_true", help="show the traceback of a mistake")
    return parser


def _single(stage: ModuleType) -> dict[str, type]:
    """Return the settings of a stage that are a word or a number, with their type."""
    fields_of = stage.Options.model_fields.items()
    return {name: field.annotation for name, field in fields_of if field.annotation in (str, int)}


def _value(given: Any) -> Any:
    return Shards.parse(given) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


def _options(stage: ModuleType, arguments: dict[str, Any]) -> Any:
    try:
        options = json.loads(arguments["options"])
        single = {name: arguments[name] for name in _single(stage) if arguments[name] is not None}
        return stage.Options.model_validate_json(json.dumps(options | single))
    except (ValidationError, json.JSONDecodeError) as error:
        raise ConfigError(f"--options: {error}") from None


if __name__ == "__main__":
    main()
