"""The configuration: pydantic models that are the single truth.

`config.yaml`, the JSON schema and the checks that run before any job all follow from the models below. Models
are strict: a number written so that YAML reads text (`1e-4`) is an error with advice, not a silent conversion.

A *run* is one way to train and to reconstruct. `defaults` holds the settings of every run, each entry of `runs`
names a run and overrides what it changes; `Config.run(name)` gives the merged, validated result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from pipeline.config_backbone import BackboneConfig
from pipeline.config_data import ComparatorEntry, ParseConfig, Section, SourceConfig, SplitConfig
from pipeline.config_errors import describe
from pipeline.config_network import HEADS as HEADS
from pipeline.config_network import LOSSES as LOSSES
from pipeline.config_network import HeadConfig, LossTerm
from pipeline.config_network import LossConfig as LossConfig
from pipeline.config_network import SlotsConfig as SlotsConfig
from pipeline.config_runs import NULL_PREFIX as NULL_PREFIX
from pipeline.config_runs import NULLS as NULLS
from pipeline.config_runs import NULLS_PACKAGE as NULLS_PACKAGE
from pipeline.config_runs import RunEntry, check_names
from pipeline.plugins import constant, names


class ConfigError(ValueError):
    """A mistake in the configuration, in words for the person who wrote it."""


class LoraConfig(Section):
    """Low-rank adapters (PEFT)."""

    rank: int = Field(8, ge=1, description="rank of the adapters")
    alpha: int = Field(16, ge=1, description="scale of the adapters; their output is multiplied by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the adapters")
    targets: str | list[str] = Field(
        "all-linear", description="layers that get an adapter: all-linear or a list of names"
    )


class TrainConfig(Section):
    """The training loop."""

    tuning: Literal["full", "lora"] = Field(
        "full", description="full: all weights (tiny backbones); lora: adapters only"
    )
    lora: LoraConfig = LoraConfig()
    quantization: Literal["none", "int8", "nf4"] = Field(
        "none",
        description="how frozen weights are held (lora): none: as the precision says; int8: 8 bit; nf4: 4 bit",
    )
    steps: int = Field(800, ge=0, description="optimiser steps")
    batch_size: int = Field(16, ge=1, description="chains in an optimiser step, over all processes")
    gradient_accumulation: int = Field(1, ge=1, description="pieces that a step's chains are cut into, to save memory")
    lr: float = Field(0.002, gt=0, description="peak learning rate")
    warmup: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="fraction of the steps in which the learning rate rises; then it falls as a cosine",
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay")
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are scaled down to this norm")
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass, to save memory"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on a GPU that has it, else float32"
    )
    validate_every: int = Field(100, ge=1, description="steps between validations")
    checkpoint_every: int = Field(100, ge=1, description="steps between checkpoints")
    max_minutes: float | None = Field(
        None, gt=0, description="stop with exit code 75 and a checkpoint after so long; null: no limit"
    )
    distances: Literal["computed", "stored"] = Field(
        "computed", description="targets computed from coordinates or read from the float16 shards"
    )
    gpus: int = Field(0, ge=0, description="GPUs that a training job takes; 0: train on the CPU")
    threads: int = Field(1, ge=1, description="CPU threads of a training or prediction job")

    @model_validator(mode="after")
    def _quantised_weights_stay_frozen(self) -> TrainConfig:
        if self.quantization != "none" and self.tuning != "lora":
            raise ValueError(
                f"train.quantization is '{self.quantization}', whose weights cannot be trained: set train.tuning to"
                " 'lora' or train.quantization to 'none'"
            )
        return self


class PredictConfig(Section):
    """Prediction with the trained model."""

    batch_size: int = Field(16, ge=1, description="chains predicted together")


class ReconstructConfig(Section):
    """From distances to coordinates."""

    method: Literal["mds", "smacof", "gradient"] = Field(
        "gradient",
        description="mds (classical scaling), smacof (then stress majorisation) or gradient (then refinement with"
        " bonds, clashes and correlated errors)",
    )
    cap: float | None = Field(
        None,
        ge=6,
        description="angstrom; predicted distances from here on say only that a pair is farther; null: 18 for a"
        " distogram, whose far distances are vague, all distances as they are for other heads and the nulls",
    )
    smacof_steps: int = Field(30, ge=1, description="SMACOF iterations (smacof, gradient)")
    gradient_steps: int = Field(60, ge=1, description="L-BFGS iterations of each stage of refinement (gradient)")
    correlated_errors: bool = Field(
        False,
        description="measure how alike the errors of neighbouring pairs are, and weight by the inverse of their"
        " correlation: far better where errors are shifts alike over some residues, worse on the blurred distances of"
        " a trained model (gradient)",
    )


class RunConfig(Section):
    """All settings of one run."""

    backbone: BackboneConfig = BackboneConfig()
    slots: SlotsConfig = SlotsConfig()
    head: HeadConfig = HeadConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
    predict: PredictConfig = PredictConfig()
    reconstruct: ReconstructConfig = ReconstructConfig()

    @property
    def loss_terms(self) -> list[LossTerm]:
        """The parts of the loss: those of the config, or else those that the head is usually trained with."""
        if self.loss.terms is not None:
            return self.loss.terms
        return [LossTerm(name=name, weight=weight) for name, weight in constant(HEADS, self.head.kind, "LOSS").items()]

    @model_validator(mode="after")
    def _encoders_see_both_ways(self) -> RunConfig:
        if self.backbone.kind == "tiny" and self.backbone.tiny.family == "esm" and self.slots.attention == "causal":
            raise ValueError(
                "slots.attention is 'causal', but backbone.tiny.family 'esm' is an encoder, whose tokens see all"
                " others: set slots.attention to 'bidirectional'"
            )
        return self

    @property
    def reconstruction(self) -> ReconstructConfig:
        """The settings of reconstruction, with the cap of the head where the config names none."""
        if self.reconstruct.cap is not None:
            return self.reconstruct
        return self.reconstruct.model_copy(update={"cap": constant(HEADS, self.head.kind, "CAP", None)})

    @model_validator(mode="after")
    def _head_feeds_the_losses(self) -> RunConfig:
        given = set(constant(HEADS, self.head.kind, "GIVES"))
        for term in self.loss_terms:
            missing = set(constant(LOSSES, term.name, "NEEDS")) - given
            if missing:
                fitting = [name for name in names(LOSSES) if set(constant(LOSSES, name, "NEEDS")) <= given]
                raise ValueError(
                    f"loss.terms: {term.name} needs {', '.join(sorted(missing))}, which the head {self.head.kind} does"
                    f" not give; losses that fit it: {', '.join(fitting)}"
                )
        if not self.loss_terms:
            raise ValueError("loss.terms: at least one part is needed; null stands for the head's usual loss")
        if len({term.name for term in self.loss_terms}) < len(self.loss_terms):
            raise ValueError("loss.terms: names must differ; one part may have any weight")
        return self

    @model_validator(mode="after")
    def _text_has_no_slots(self) -> RunConfig:
        if "text" not in constant(HEADS, self.head.kind, "GIVES"):
            return self
        if self.slots.kind != "none" or self.slots.attention != "causal" or self.slots.pooled:
            raise ValueError(
                f"the head {self.head.kind} writes after the residues: it needs slots.kind none, slots.attention causal"
                " and slots.pooled false"
            )
        for term in self.loss_terms:
            if "text" not in constant(LOSSES, term.name, "NEEDS"):
                raise ValueError(f"loss.terms: {term.name} looks at slots, and the head {self.head.kind} has none")
        return self


class EvaluateConfig(Section):
    """Scoring against the experiment."""

    subset: Literal["train", "val", "test"] = Field(
        "test", description="chains that are predicted and scored: train, val or test"
    )


class ReportConfig(Section):
    """The HTML report."""

    title: str = Field("ProteinMTP: from sequence to structure", description="heading of the report")
    bootstrap_samples: int = Field(2000, ge=100, description="bootstrap resamples behind each confidence interval")


class Config(Section):
    """The whole configuration; see `config.yaml`."""

    results: str = Field(
        "results",
        pattern=r"^[A-Za-z0-9._/-]+$",
        description="folder for everything that is generated; letters, digits and . _ - / only",
    )
    seed: int = Field(0, ge=0, description="seed of everything random")
    source: SourceConfig = SourceConfig()
    parse: ParseConfig = ParseConfig()
    split: SplitConfig = SplitConfig()
    defaults: RunConfig = Field(RunConfig(), description="settings of every run")
    runs: list[RunEntry] = Field(
        [
            RunEntry(
                name="distogram",
                description="how likely each distance is, from residues that see each other both ways",
                question="Does the model know more of a structure than how far apart two residues are in the sequence?",
                hypothesis="The model keeps more local distances than the mean training distance at each |i-j| does.",
                against="null_separation",
            ),
            RunEntry.model_validate(
                {
                    "name": "distance",
                    "description": "regression of distances from slot states, the second approach",
                    "question": "Is one number for each pair enough?",
                    "hypothesis": "Regression is worse than the distogram, because a mean over folds is no fold.",
                    "against": "distogram",
                    "expects": "worse",
                    "slots": {"kind": "placeholder", "attention": "causal"},
                    "head": {"kind": "distance"},
                }
            ),
            RunEntry.model_validate(
                {
                    "name": "coords",
                    "description": "absolute coordinates from slot states, the historical first approach",
                    "slots": {"kind": "placeholder", "attention": "causal"},
                    "head": {"kind": "coords"},
                }
            ),
        ],
        min_length=1,
        description="the runs that are trained and compared: a name, a description, and what differs from the defaults."
        " If you like, a question, and a hypothesis: that the run is better (expects: worse) than `against`, a run"
        " or a null, in `metric`, by default lddt",
    )
    comparators: list[ComparatorEntry] = Field(
        [],
        description="predicted structures from elsewhere that are scored beside the runs: a name, a folder, a "
        "description; docs/comparators.md says how files are matched to chains",
    )
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    _resolved: dict[str, RunConfig] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _names_differ(self) -> Config:
        check_names(self.runs, self.comparators)
        return self

    def descriptions(self) -> dict[str, str]:
        """Return the sentence for the report of each run and each comparator, in their order."""
        runs = {entry.name: entry.description for entry in self.runs}
        return runs | {entry.name: entry.description for entry in self.comparators}

    def run(self, name: str) -> RunConfig:
        """Return the settings of run `name`: the defaults with its overrides."""
        return self._resolved[name]


def parse_config(raw: Mapping[str, Any]) -> Config:
    """Validate a configuration as read from YAML.

    Raises:
        ConfigError: with one line per mistake, each naming the key, what was found and what is allowed.
    """
    try:
        config = Config.model_validate(_plain(raw))
    except ValidationError as error:
        raise ConfigError(describe(error, Config)) from None
    for index, entry in enumerate(config.runs):
        overrides = dict(entry.model_extra or {})
        try:
            run = RunConfig.model_validate(_merged(config.defaults.model_dump(), overrides))
        except ValidationError as error:
            raise ConfigError(describe(error, RunConfig, f"runs[{index}] ({entry.name}): ", RunEntry)) from None
        config._resolved[entry.name] = run
    return config


def read_config(path: Path) -> Config:
    """Read and validate a YAML file; see `parse_config`."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return parse_config(raw or {})


def options_json(section: BaseModel) -> str:
    """Return a section as JSON with sorted keys, the form in which a rule passes it to a stage."""
    return json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return result
