"""The parts that a configuration may name, and the configuration read with them.

Heads, losses, nulls and sources are modules found by name. What a head gives and a loss needs stands in them as
literals and is read without importing torch, so that a configuration is checked in a moment. What it leaves open and a
head decides, the usual losses and the cap of reconstruction, is filled in here: stages get settings in which nothing is
open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proteinmtp.base import plugins
from proteinmtp.base.errors import ConfigError, PartError
from proteinmtp.config import NULL_PREFIX, Config, LossTerm, RunConfig, one_of, read_yaml, validated, with_runs
from proteinmtp.model.parts import LOSSES, TEXT, HeadFacts, head_facts, loss_needs

NULLS = "proteinmtp.predictors.nulls"
SOURCES = "proteinmtp.structures.sources"


@dataclass(frozen=True)
class NullPart:
    """A null: the name of its pseudo-run, its module, and its description for the report."""

    name: str
    module: str
    description: str


def read_config(path: Path) -> Config:
    """Read a YAML file and check it; see `parse_config`."""
    return parse_config(read_yaml(path))


def parse_config(raw: Mapping[str, Any]) -> Config:
    """Check a configuration as read from YAML, with the parts that it names, and fill in what they decide.

    Raises:
        ConfigError: with one line per mistake, each naming the key, what stands there and what is allowed.
    """
    config = validated(raw)
    _source(config)
    resolved("defaults.", config.defaults)
    runs = {
        entry.name: resolved(f"runs[{index}] ({entry.name}): ", config.run(entry.name))
        for index, entry in enumerate(config.runs)
    }
    _against(config)
    return with_runs(config, runs)


def resolved(where: str, run: RunConfig) -> RunConfig:
    """Return the settings of a run, losses and cap filled in by its head where the config leaves them open.

    Parameters:
        where: what stands before each key in a message.
        run: settings of a run.

    Raises:
        ConfigError: if a part is not there, or parts do not fit each other.
    """
    try:
        head = head_facts(run.head.kind)
    except PartError as error:
        raise ConfigError(f"{where}head.kind: {error}; found {run.head.kind!r}") from None
    terms = run.loss.terms
    if terms is None:
        terms = [LossTerm(name=name, weight=weight) for name, weight in head.loss.items()]
    needs = {}
    for term in terms:
        try:
            needs[term.name] = loss_needs(term.name)
        except PartError as error:
            raise ConfigError(f"{where}loss.terms: {error}; found {term.name!r}") from None
    _check_losses(where, run.head.kind, head, terms, needs)
    if head.writes:
        _check_writing(where, run, needs)
    cap = head.cap if run.reconstruct.cap is None else run.reconstruct.cap
    return run.model_copy(
        update={
            "loss": run.loss.model_copy(update={"terms": terms}),
            "reconstruct": run.reconstruct.model_copy(update={"cap": cap}),
        }
    )


def nulls(config: Config) -> list[NullPart]:
    """Return the nulls that stand beside the runs, in the order in which tables show them.

    Raises:
        ConfigError: if there is no such null, or two have one name.
    """
    found: dict[str, NullPart] = {}
    for kind in plugins.names(NULLS) if config.nulls is None else config.nulls:
        try:
            known = plugins.constants(NULLS, kind, "Null")
            module = plugins.module_name(NULLS, kind)
            part = NullPart(
                NULL_PREFIX + kind.rpartition(".")[2], module, plugins.stated(known, module, "Null.DESCRIPTION")
            )
        except PartError as error:
            raise ConfigError(f"nulls: {error}; found {kind!r}") from None
        if part.name in found:
            raise ConfigError(f"nulls: {found[part.name].module} and {module} would both be {part.name}")
        found[part.name] = part
    return list(found.values())


def _source(config: Config) -> None:
    try:
        plugins.constants(SOURCES, config.source.kind, "Source")
    except PartError as error:
        raise ConfigError(f"source.kind: {error}; found {config.source.kind!r}") from None


def _check_losses(
    where: str, kind: str, head: HeadFacts, terms: list[LossTerm], needs: Mapping[str, frozenset[str]]
) -> None:
    for name, fields in needs.items():
        missing = fields - head.gives
        if missing:
            fitting = [other for other in plugins.names(LOSSES) if loss_needs(other) <= head.gives]
            raise ConfigError(
                f"{where}loss.terms: {name} needs {', '.join(sorted(missing))}, which the head {kind} does not give;"
                f" losses that fit it: {', '.join(fitting)}"
            )
    if not terms:
        raise ConfigError(f"{where}loss.terms: at least one part is needed; null stands for the head's usual loss")
    if len(needs) < len(terms):
        raise ConfigError(f"{where}loss.terms: names must differ; one part may have any weight")


def _check_writing(where: str, run: RunConfig, needs: Mapping[str, frozenset[str]]) -> None:
    if run.slots.kind != "none" or run.slots.attention != "causal" or run.slots.pooled:
        raise ConfigError(
            f"{where}the head {run.head.kind} writes after the residues: it needs slots.kind none, slots.attention"
            " causal and slots.pooled false"
        )
    for name, fields in needs.items():
        if TEXT not in fields:
            raise ConfigError(f"{where}loss.terms: {name} looks at slots, and the head {run.head.kind} has none")


def _against(config: Config) -> None:
    beside = [null.name for null in nulls(config)]
    taken = [*(entry.name for entry in config.runs), *(entry.name for entry in config.comparators)]
    for index, entry in enumerate(config.runs):
        if entry.against is not None:
            try:
                one_of(entry.against, [name for name in (*taken, *beside) if name != entry.name])
            except ValueError as error:
                raise ConfigError(f"runs[{index}] ({entry.name}).against: {error}; found {entry.against!r}") from None
