"""The parts that a configuration may name, and the configuration read with them.

Heads, losses, nulls and sources are modules found by name. What a head gives and a loss needs stands in them as
literals and is read without importing torch, so that a configuration is checked in a moment. What it leaves open and a
head decides, the usual losses and the cap of reconstruction, is filled in here: stages get settings in which nothing is
open.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from proteinmtp.base import plugins
from proteinmtp.base.errors import ConfigError, PartError
from proteinmtp.base.yaml_file import read_yaml
from proteinmtp.config import (
    NULL_PREFIX,
    Config,
    HeadConfig,
    LossConfig,
    LossTerm,
    ReconstructConfig,
    RunConfig,
    Section,
    SourceConfig,
    merged,
    one_of,
    validated,
    with_runs,
)
from proteinmtp.model.backbone_mistakes import backbone_mistakes
from proteinmtp.model.parts import HEADS, LOSSES, TEXT, HeadFacts, head_facts, loss_needs
from proteinmtp.predictors.unused import unused_settings, without_unused
from proteinmtp.structures.listing import SOURCES

NULLS = "proteinmtp.predictors.nulls"

DISTRIBUTION, DISTANCES, TRACE = "distribution", "distances", "trace"
"""What of predictions is decoded: a distogram and turns, distances alone, or a trace, which is taken as it is."""
POINTS = "_points"
"""Ends the names of nulls of which the distances alone are decoded, beside others that are decoded whole."""

HOUSE = frozenset(
    {"benchmarks", "config", "docs", "envs", "pipeline", "profiles", "proteinmtp", "rules", "tests", "workflow"}
    | {".git", ".github", ".snakemake"}
)
"""Folders of a checkout, and of Snakemake."""


@dataclass(frozen=True)
class NullPart:
    """A null as it stands beside runs.

    Attributes:
        name: of its pseudo-run.
        module: where it is.
        description: for the report.
        fitted: name of the null under which lies what it takes from training.
        points: whether of its predictions the distances alone are decoded.
        reconstruct: how they are decoded: as those of the first run that it stands beside.
    """

    name: str
    module: str
    description: str
    fitted: str
    points: bool
    reconstruct: ReconstructConfig


def read_config(*paths: Path) -> Config:
    """Read YAML files, the later over the earlier, and check them; see `parse_config`."""
    return parse_config(reduce(merged, map(read_yaml, paths)))


def parse_config(raw: Mapping[str, Any]) -> Config:
    """Check a configuration as read from YAML, with the parts that it names, and fill in what they decide.

    Raises:
        ConfigError: with one line per mistake, each naming the key, what stands there and what is allowed. Runs inherit
            the mistakes of the defaults, and are looked at when there are none.
    """
    config = validated(raw)
    _refuse([*_in_source(config.source), *(f"defaults.{mistake}" for mistake in _in_run(config.defaults))])
    mistakes = [
        f"runs[{index}] ({entry.name}): {mistake}"
        for index, entry in enumerate(config.runs)
        for mistake in _in_run(config.run(entry.name))
    ]
    _, wrong = _nulls(config)
    _refuse([*mistakes, *wrong, *_in_against(config)])
    resolved = with_runs(config, {entry.name: _resolved(config.run(entry.name)) for entry in config.runs})
    _refuse(list(unused_settings(resolved)))
    return with_runs(config, {entry.name: without_unused(resolved.run(entry.name)) for entry in config.runs})


def check_backbones(config: Config) -> None:
    """Check what can be known of the backbones of runs without loading them: their folders, prompts, and LoRA's layers.

    Raises:
        ConfigError: with one line per mistake.
    """
    mistakes = (
        f"runs[{index}] ({entry.name}): {mistake}"
        for index, entry in enumerate(config.runs)
        for mistake in backbone_mistakes(config.run(entry.name))
    )
    _refuse(list(mistakes))


def check_results(results: Path, house: Path) -> None:
    """Check that the results folder is none of the project itself.

    Parameters:
        results: as the configuration has it.
        house: the checkout.

    Raises:
        ConfigError: if it is.
    """
    place, house = results.resolve(), house.resolve()
    first = place.relative_to(house).parts[:1] if place.is_relative_to(house) else ("",)
    if not first or first[0] in HOUSE or house.is_relative_to(place):
        raise ConfigError(f"results: {results} is a folder of the project itself; name another, such as results")


def nulls(config: Config) -> list[NullPart]:
    """Return the nulls that stand beside the runs, in the order in which tables show them.

    Raises:
        ConfigError: if there is no such null, or two have one name.
    """
    parts, mistakes = _nulls(config)
    _refuse(mistakes)
    return parts


def is_decoded_whole(run: RunConfig) -> bool:
    """Return whether traces of a run are decoded from a distogram and turns, not from distances alone."""
    return _decoding(run) == DISTRIBUTION


def nulls_beside(run: str, config: Config) -> list[str]:
    """Return the names of the nulls that are decoded as a run is, or where none is, of all."""
    parts = nulls(config)
    wanted = [null.name for null in parts if null.points == (_decoding(config.run(run)) == DISTANCES)]
    return wanted or [null.name for null in parts]


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise ConfigError("\n".join(dict.fromkeys(mistakes)))


def _resolved(run: RunConfig) -> RunConfig:
    """Return the settings of a run, losses and cap filled in by its head where the config leaves them open."""
    head = head_facts(run.head.kind)
    cap = head.cap if run.reconstruct.cap is None else run.reconstruct.cap
    return run.model_copy(
        update={
            "loss": run.loss.model_copy(update={"terms": _terms(run.loss, head)}),
            "reconstruct": run.reconstruct.model_copy(update={"cap": cap}),
        }
    )


def _terms(loss: LossConfig, head: HeadFacts | None) -> list[LossTerm] | None:
    """Return the parts of the loss; None where the config leaves them open and the head cannot be read."""
    if loss.terms is not None or head is None:
        return loss.terms
    return [LossTerm(name=name, weight=weight) for name, weight in head.loss.items()]


def _in_source(source: SourceConfig) -> Iterator[str]:
    """Yield a line for each mistake in the source."""
    section = getattr(source, source.kind, None)
    available = {"results", *(type(section).model_fields if isinstance(section, Section) else ())}
    try:
        part = plugins.declared(SOURCES, source.kind, "Source")
        yield from (f"source.options: {mistake}" for mistake in part.option_mistakes(source.options, available))
    except PartError as error:
        yield f"source.kind: {error}; found {source.kind!r}"


def _in_run(run: RunConfig) -> Iterator[str]:
    """Yield a line for each mistake in the parts of a run, beginning with its key in the settings of a run."""
    head: HeadFacts | None = None
    available = HeadConfig.model_fields.keys() - {"kind", "options"}
    try:
        part = plugins.declared(HEADS, run.head.kind, "Head")
        yield from (f"head.options: {mistake}" for mistake in part.option_mistakes(run.head.options, available))
        head = head_facts(run.head.kind)
    except PartError as error:
        yield f"head.kind: {error}; found {run.head.kind!r}"
    terms = _terms(run.loss, head)
    if terms is None:
        return
    if not terms:
        yield "loss.terms: at least one part is needed; null stands for the head's usual loss"
    yield from _in_names(terms)
    needs = {}
    available = LossConfig.model_fields.keys() - {"terms"}
    for term in terms:
        try:
            part = plugins.declared(LOSSES, term.name, "Loss")
            for mistake in part.option_mistakes(term.options, available):
                yield f"loss.terms ({term.name}).options: {mistake}"
            needs[term.name] = loss_needs(term.name)
        except PartError as error:
            yield f"loss.terms: {error}; found {term.name!r}"
    if head is not None:
        yield from _in_fit(run, head, needs)


def _in_names(terms: Sequence[LossTerm]) -> Iterator[str]:
    """Yield a line for each loss with the name of one before it, by which training tells them apart."""
    names: dict[str, str] = {}
    for term in terms:
        last = term.name.rpartition(".")[2]
        if last in names:
            yield (
                f"loss.terms: {names[last]} and {term.name} would both be {last}; names must differ, and one part may"
                " have any weight"
            )
        names.setdefault(last, term.name)


def _in_fit(run: RunConfig, head: HeadFacts, needs: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield a line where the slots do not fit the head, and for each loss that does not."""
    kind, slots = run.head.kind, run.slots
    if head.writes and (slots.kind != "none" or slots.attention != "causal" or slots.pooled):
        yield (
            f"slots: the head {kind} writes after the residues: it needs slots.kind none, slots.attention causal and"
            " slots.pooled false"
        )
    for name, fields in needs.items():
        missing = fields - head.gives
        if missing:
            fitting = [other for other in plugins.names(LOSSES) if loss_needs(other) <= head.gives]
            yield (
                f"loss.terms: {name} needs {', '.join(sorted(missing))}, which the head {kind} does not give; losses"
                f" that fit it: {', '.join(fitting)}"
            )
        elif head.writes and TEXT not in fields:
            yield f"loss.terms: {name} looks at slots, and the head {kind} has none"


def _nulls(config: Config) -> tuple[list[NullPart], list[str]]:
    """Return the nulls that can be read, once for each way in which runs are decoded, and a line for each mistake."""
    parts: dict[str, NullPart] = {}
    mistakes = []
    ways = _null_decodings(config)
    for points, reconstruct in ways.items():
        for kind in _null_kinds(config):
            base, module = _null_name(kind), plugins.module_name(NULLS, kind)
            name = base + POINTS if points and len(ways) == 2 else base
            try:
                description = plugins.declared(NULLS, kind, "Null").text("DESCRIPTION")
            except PartError as error:
                mistakes.append(f"nulls: {error}; found {kind!r}")
                continue
            if name in parts:
                mistakes.append(f"nulls: {parts[name].module} and {module} would both be {name}")
            if name != base:
                description = f"{base} of which the distances alone are decoded, as of runs without a distogram"
            parts.setdefault(name, NullPart(name, module, description, base, points, reconstruct))
    return list(parts.values()), list(dict.fromkeys(mistakes))


def _null_decodings(config: Config) -> dict[bool, ReconstructConfig]:
    """Return how nulls are decoded, by whether of their distances alone: as the first run of each kind."""
    runs = [config.run(entry.name) for entry in config.runs]
    first = {way: run.reconstruct for run in reversed(runs) if (way := _decoding(run)) != TRACE}
    return {way == DISTANCES: first[way] for way in (DISTRIBUTION, DISTANCES) if way in first} or {
        False: config.defaults.reconstruct
    }


def _decoding(run: RunConfig) -> str:
    """Return what of the predictions of a run is decoded."""
    try:
        facts = head_facts(run.head.kind)
    except PartError:
        return TRACE
    if "coords" in facts.gives or facts.writes:
        return TRACE
    turns = any(term.name == "dihedral" for term in _terms(run.loss, facts) or [])
    return DISTRIBUTION if run.reconstruct.method == "energy" and "logits" in facts.gives and turns else DISTANCES


def _null_kinds(config: Config) -> list[str]:
    return plugins.names(NULLS) if config.nulls is None else config.nulls


def _null_name(kind: str) -> str:
    return NULL_PREFIX + kind.rpartition(".")[2]


def _in_against(config: Config) -> Iterator[str]:
    """Yield a line for each run that is held against what is not there."""
    names = [*map(_null_name, _null_kinds(config)), *(null.name for null in _nulls(config)[0])]
    beside = list(dict.fromkeys(names))
    taken = [*(entry.name for entry in config.runs), *(entry.name for entry in config.comparators)]
    for index, entry in enumerate(config.runs):
        if entry.against is not None:
            try:
                one_of(entry.against, [name for name in (*taken, *beside) if name != entry.name])
            except ValueError as error:
                yield f"runs[{index}] ({entry.name}).against: {error}; found {entry.against!r}"
