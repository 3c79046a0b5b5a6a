"""`python -m pipeline RULE ...` runs one stage, as its rule does: a flag for each field of its inputs and outputs.

`python -m pipeline --uses FILE` lists the stages whose fingerprint a source file is in: those that an edit reruns.

Settings come as one JSON object in `--options`, and single words and numbers may have a flag of their own; what is left
out has its default. `--debug` shows the traceback of a mistake that would otherwise end in one line.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from proteinmtp.base import lifeline, logs, memory
from proteinmtp.base.errors import DataError, UserError, one_line
from proteinmtp.base.fingerprint import BY_NAME, Fingerprints
from proteinmtp.base.plugins import names
from proteinmtp.base.space import writing
from proteinmtp.config.mistakes import describe
from proteinmtp.model.parts import HEADS, LOSSES
from proteinmtp.predictors.catalogue import NULLS
from proteinmtp.structures.listing import SOURCES
from proteinmtp.tables.shards import Shards

PARTS_OF = {
    "manifest": (SOURCES,),
    "train": (HEADS, LOSSES),
    "predict": (HEADS, LOSSES),
    "calibrate": (HEADS, LOSSES),
    "fold": (HEADS, LOSSES),
    "fit_null": (NULLS,),
    "predict_null": (NULLS,),
}
"""Packages of the parts that a stage loads by name, as the configuration says."""

TRAINS = ("pretrain", "train")
"""Stages that take and free the same large blocks in each step, which they keep."""


def main() -> None:
    """Run the stage that the command line names."""
    lifeline.hold_on()
    logs.setup()
    stages = [name for name in names(__package__) if not name.startswith("_")]
    rules = argparse.ArgumentParser(prog="python -m pipeline", description="Run one stage of the workflow.")
    rules.add_argument("rule", choices=stages, nargs="?", help="name of the rule; its own --help tells the rest")
    rules.add_argument("--uses", type=Path, metavar="FILE", help="list the stages that use a source file, and end")
    asked = rules.parse_args(sys.argv[1:2] if sys.argv[1:2] != ["--uses"] else sys.argv[1:])
    if asked.uses is not None:
        with one_line():
            print("\n".join(stages_behind(asked.uses, stages)) or "no stage uses it")
    elif asked.rule is None:
        rules.error("name a rule, or --uses FILE")
    else:
        if asked.rule not in TRAINS:
            memory.give_back()
        stage = importlib.import_module(f"pipeline.{asked.rule}")
        parser = _parser(asked.rule, stage)
        arguments = parser.parse_args(sys.argv[2:])
        options = _options(stage, parser, arguments)
        with one_line(debug=arguments.debug):
            run(stage, arguments, options)


def stages_behind(file: Path, stages: Sequence[str]) -> list[str]:
    """Return the stages that use a source file, each with the parts through which it does, if not by itself.

    Of the physical constants, which count one by one, a stage is listed with those that it uses.

    Raises:
        UserError: if the file is no module of the checkout.
    """
    root = Path(__file__).resolve().parent.parent
    try:
        parts = file.resolve().relative_to(root).with_suffix("").parts
    except ValueError:
        parts = ()
    if not file.is_file() or parts[:1] not in (("proteinmtp",), ("pipeline",)):
        raise UserError(f"--uses: {file} is no module of {root}")
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    house = Fingerprints(root)
    lines = []
    for stage in stages:
        through = {part: f"{package}.{part}" for package in PARTS_OF.get(stage, ()) for part in names(package)}
        if house.counts(module) == BY_NAME:
            constants = house.constants(f"pipeline.{stage}", *through.values())
            lines.append(f"{stage}: {', '.join(sorted(constants)) or 'none'}")
        elif module in house.closure(f"pipeline.{stage}"):
            lines.append(stage)
        elif users := [part for part, name in through.items() if module in house.closure(name)]:
            lines.append(f"{stage}, with {', '.join(users)}")
    return lines


def run(stage: ModuleType, arguments: argparse.Namespace, options: Any) -> None:
    """Run a stage with the values of its flags and its settings.

    Raises:
        DataError: if one of its inputs is not there.
    """
    inputs, outputs = (
        files(**{field.name: _value(arguments, field.name) for field in fields(files)})
        for files in (stage.Inputs, stage.Outputs)
    )
    for name, value in vars(inputs).items():
        for path in [value] if isinstance(value, Path) else value:
            if not path.exists():
                raise DataError(f"--{name.replace('_', '-')}: there is no {path}")
    first = getattr(outputs, fields(outputs)[0].name)
    with writing(first if isinstance(first, Path) else next(iter(first))):
        stage.run(inputs, outputs, options)


def _value(arguments: argparse.Namespace, name: str) -> Any:
    given = getattr(arguments, name)
    return tuple(given) if isinstance(given, list) else given


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
                section.add_argument(flag, type=_shards, required=True, metavar="FOLDER:COUNT", help=meaning)
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


def _shards(text: str) -> Shards:
    try:
        return Shards.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _options(stage: ModuleType, parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Any:
    try:
        options = json.loads(arguments.options)
        single = {name: getattr(arguments, name) for name in _single(stage)}
        given = {name: value for name, value in single.items() if value is not None}
        return stage.Options.model_validate_json(json.dumps(options | given))
    except json.JSONDecodeError as error:
        parser.error(f"--options: no JSON: {error}")
    except ValidationError as error:
        parser.error("--options: " + "; ".join(describe(error, stage.Options).splitlines()))


if __name__ == "__main__":
    main()
