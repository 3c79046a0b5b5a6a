"""Settings that a run does not use. Whoever sets one expects something of it, so it is a mistake.

`config.yaml` holds every key with its default, so a key counts as set where its value is another than the default.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any

from proteinmtp.base import plugins
from proteinmtp.config import Config, HeadConfig, LossConfig, PretrainConfig, RunConfig
from proteinmtp.model.backbone_mistakes import is_pretrained
from proteinmtp.model.parts import HEADS, LOSSES, head_facts


def unused_settings(config: Config) -> Iterator[str]:
    """Yield a line for each setting that a run sets and does not use, and for each of `defaults` that no run uses.

    Parameters:
        config: read without mistakes, its losses filled in.
    """
    of_run = {entry.name: _unused(config.run(entry.name)) for entry in config.runs}
    for index, entry in enumerate(config.runs):
        for key, value in _set_in(entry.model_extra or {}):
            reason = of_run[entry.name].get(key)
            if reason is not None and value != DEFAULTS[key]:
                yield f"runs[{index}] ({entry.name}): {key}: is not used, since {reason}; found {value!r}"
    for key, value in _leaves(config.defaults.model_dump()):
        reasons = [of_run[entry.name].get(key) for entry in config.runs]
        # Nulls beside runs that all predict traces are rebuilt as `defaults` say.
        if value != DEFAULTS[key] and None not in reasons and not key.startswith("reconstruct."):
            yield f"defaults.{key}: no run uses it, since {reasons[0]}; found {value!r}"


def without_unused(run: RunConfig) -> RunConfig:
    """Return the settings with those that the run does not use at their defaults, so that they train nothing again."""
    values = run.model_dump()
    for key in _unused(run).keys() & DEFAULTS.keys():
        *sections, name = key.split(".")
        reduce(getitem, sections, values)[name] = DEFAULTS[key]
    return RunConfig.model_validate(values)


def _unused(run: RunConfig) -> dict[str, str]:
    """Return for each key that the run does not use the reason."""
    keys = {key for key, _ in _leaves(run.model_dump())} | DEFAULTS.keys()
    return {
        key: reason
        for prefix, reason in (*_in_backbone(run), *_in_parts(run), *_in_training(run), *_in_reconstruct(run))
        for key in keys
        if key == prefix or key.startswith(f"{prefix}.")
    }


def _in_backbone(run: RunConfig) -> Iterator[tuple[str, str]]:
    backbone = run.backbone
    for kind in ("tiny", "path", "hub"):
        if kind != backbone.kind:
            yield f"backbone.{kind}", f"backbone.kind is {backbone.kind}"
    if backbone.kind == "tiny" and backbone.tiny.family == "esm":
        yield "backbone.tiny.key_value_heads", "backbone.tiny.family is esm"
    if not is_pretrained(backbone):
        for name in PretrainConfig.model_fields.keys() - {"when"}:
            yield f"backbone.pretrain.{name}", f"backbone.pretrain.when is {backbone.pretrain.when}"
    else:
        if backbone.pretrain.gpus:
            yield "backbone.pretrain.processes", "backbone.pretrain.gpus is not 0"
        if backbone.pretrain.epochs is not None:
            yield "backbone.pretrain.steps", "backbone.pretrain.epochs is set"
        if not backbone.pretrain.fasta:
            yield "backbone.pretrain.min_length", "backbone.pretrain.fasta names no file"
    if run.slots.kind == "none":
        yield "slots.positions", "slots.kind is none"


def _in_parts(run: RunConfig) -> Iterator[tuple[str, str]]:
    taken = _options(HEADS, run.head.kind, "Head")
    for name in () if taken is None else HeadConfig.model_fields.keys() - {"kind", "options"} - taken:
        yield f"head.{name}", f"the head {run.head.kind} has no such option"
    if run.head.trunk == "none":
        yield "head.blocks", "head.trunk is none"
    terms = [term.name for term in run.loss.terms or ()]
    options = [_options(LOSSES, name, "Loss") for name in terms]
    known: set[str] = set().union(*(taken for taken in options if taken is not None))
    for name in () if None in options else LossConfig.model_fields.keys() - {"terms"} - known:
        yield f"loss.{name}", f"loss.terms {', '.join(terms)} have no such option"


def _options(package: str, name: str, label: str) -> frozenset[str] | None:
    """Return the options that a part takes; None where a part of one's own does not say."""
    options = plugins.declared(package, name, label).options()
    return frozenset() if options is None and "." not in name else options


def _in_training(run: RunConfig) -> Iterator[tuple[str, str]]:
    if run.train.tuning == "full":
        yield "train.lora", "train.tuning is full"
    if run.train.epochs is not None:
        yield "train.steps", "train.epochs is set"
    if not run.train.gpus:
        yield "predict.offload", "train.gpus is 0"
    else:
        yield "train.processes", "train.gpus is not 0"


def _in_reconstruct(run: RunConfig) -> Iterator[tuple[str, str]]:
    facts, method = head_facts(run.head.kind), run.reconstruct.method
    if facts.writes or "coords" in facts.gives:
        yield "reconstruct", f"the head {run.head.kind} predicts a trace"
    if method not in ("gradient", "energy"):
        for name in ("gradient_steps", "correlated_errors", *(("smacof_steps",) if method == "mds" else ())):
            yield f"reconstruct.{name}", f"reconstruct.method is {method}"


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:  # of a section, as plain values
    for name, value in values.items():
        if isinstance(value, Mapping) and f"{prefix}{name}" not in FREE:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _set_in(overrides: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    return [(key, value) for key, value in _leaves(overrides) if key in DEFAULTS]


FREE = frozenset({"head.options"})
"""Settings that hold keys of their own."""

DEFAULTS: Mapping[str, Any] = dict(_leaves(RunConfig().model_dump()))
