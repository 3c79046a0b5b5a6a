"""The configuration: pydantic models that are the single truth.

`config.yaml`, the JSON schema and the checks that run before any job all follow from the models below. Models
are strict: a number written so that YAML reads text (`1e-4`) is an error with advice, not a silent conversion.

A *run* is one way to train and to reconstruct. `defaults` holds the settings of every run, each entry of `runs`
names a run and overrides what it changes; `Config.run(name)` gives the merged, validated result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from pipeline.config_data import ComparatorEntry, ParseConfig, Section, SourceConfig, SplitConfig
from pipeline.config_errors import describe
from pipeline.config_runs import NULL_PREFIX as NULL_PREFIX
from pipeline.config_runs import NULLS as NULLS
from pipeline.config_runs import NULLS_PACKAGE as NULLS_PACKAGE
from pipeline.config_runs import RunEntry, check_names
from pipeline.plugins import constant, installed, names

HEADS = "pipeline.model.heads"
LOSSES = "pipeline.model.losses"


class ConfigError(ValueError):
    """A mistake in the configuration, in words for the person who wrote it."""


class TinyBackbone(Section):
    """A small Qwen3-type model with random weights, for machines without a model hub."""

    hidden_size: int = Field(128, ge=16, description="width of the hidden states")
    layers: int = Field(4, ge=1, description="transformer layers")
    heads: int = Field(4, ge=1, description="attention heads")
    key_value_heads: int = Field(2, ge=1, description="key and value heads (grouped-query attention)")
    intermediate_size: int = Field(384, ge=16, description="width of the feed-forward layers")


class HubBackbone(Section):
    """A model of the Hugging Face hub."""

    id: str | None = Field(None, description="model id, for example Qwen/Qwen2.5-0.5B")
    revision: str | None = Field(None, description="commit of the model repository, 40 hexadecimal digits")


class BackboneConfig(Section):
    """The language model under the slots."""

    kind: Literal["tiny", "path", "hub"] = Field("tiny", description="tiny (random weights), path or hub")
    tiny: TinyBackbone = TinyBackbone()
    path: str | None = Field(None, description="kind path: folder that from_pretrained reads (safetensors)")
    hub: HubBackbone = HubBackbone()

    @model_validator(mode="after")
    def _source_is_named(self) -> BackboneConfig:
        if self.kind == "path" and not self.path:
            raise ValueError("backbone.kind is 'path', so backbone.path must name a folder")
        if self.kind == "hub" and not self.hub.id:
            raise ValueError("backbone.kind is 'hub', so backbone.hub.id must name a model")
        if self.kind == "hub" and not re.fullmatch(r"[0-9a-f]{40}", self.hub.revision or ""):
            raise ValueError(
                "backbone.hub.revision must be the 40-digit commit of the model repository, "
                "so that a rerun uses the same weights"
            )
        return self


class SlotsConfig(Section):
    """The placeholder tokens, one for each residue, that follow the residues; or none, and the residues' own states."""

    kind: Literal["placeholder", "echo", "none"] = Field(
        "placeholder",
        description="placeholder: one learned token for all; echo: that token plus the embedding of its residue; none:"
        " the states of the residue tokens themselves, half the tokens",
    )
    positions: Literal["aligned", "continued"] = Field(
        "aligned",
        description="aligned: slot i has the position of residue i; continued: positions go on counting",
    )
    attention: Literal["causal", "bidirectional"] = Field(
        "causal",
        description="bidirectional: slots (kind none: residues) also see those after them; encoders always do",
    )
    pooled: bool = Field(False, description="add a projection of the largest residue state, feature by feature")
    prompt: str = Field("", description="text before the residues, in words that the backbone's tokenizer knows")


class HeadConfig(Section):
    """What turns slot states into a structure."""

    kind: str = Field(
        "distance",
        description="distance (C-alpha distances), distogram (their distribution), frames (a trace), equivariant"
        " (a trace refined by an EGNN), coords and label_wise (absolute coordinates, historical), or a module of yours",
    )
    width: int = Field(64, ge=4, description="width of the pair features (distance, distogram, equivariant)")
    max_separation: int = Field(
        64, ge=1, description="sequence separations above this share one embedding per octave (the same heads)"
    )
    trunk: Literal["none", "convolution", "triangle"] = Field(
        "none",
        description="what pairs pass through before they are read out: nothing, dilated convolutions or triangle"
        " multiplication (the same heads)",
    )
    blocks: int = Field(4, ge=1, description="blocks of the trunk")
    normalisation: Literal["global", "chain"] = Field(
        "global",
        description="global: mean and deviation of all training coordinates; chain: each chain's own mean, and the"
        " radius that its length lets expect (coords, label_wise)",
    )
    max_length: int = Field(512, ge=1, description="longest chain that the head can predict (label_wise)")

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        return installed(HEADS, kind)


class LossTerm(Section):
    """One part of the loss."""

    name: str = Field(description="a module of pipeline/model/losses, or one of yours")
    weight: float = Field(1.0, gt=0, description="factor of this part")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return installed(LOSSES, name)


class LossConfig(Section):
    """What training makes small; only observed residues count."""

    terms: list[LossTerm] | None = Field(
        None,
        description="names and weights, such as {name: huber, weight: 1.0}; null: what the head is usually trained with."
        " dihedral and confidence bring their own readout of the slots",
    )
    delta: float = Field(2.0, gt=0, description="angstrom at which huber becomes linear")
    clamp: float = Field(10.0, gt=0, description="angstrom from which on fape does not grow")


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
    steps: int = Field(1500, ge=0, description="optimiser steps")
    batch_size: int = Field(8, ge=1, description="chains in an optimiser step, over all processes")
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
        description="angstrom; predicted distances from here on say only that a pair is farther, as the last bin of a"
        " distogram does; null: all are taken as they are",
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
                name="distance",
                description="C-alpha distance matrix from slot states",
                question="Do the slots know more of a structure than how far apart two residues are in the sequence?",
                hypothesis="The model keeps more local distances than the mean training distance at each |i-j| does.",
                against="null_separation",
            ),
            RunEntry.model_validate(
                {
                    "name": "coords",
                    "description": "absolute coordinates from slot states, the historical first approach",
                    "head": {"kind": "coords"},
                }
            ),
        ],
        min_length=1,
        description="the runs that are trained and compared: a name, a description, and what differs from the defaults."
        " If you like, a question, and a hypothesis: that the run is better than `against`, a run or a null, in"
        " `metric`, by default lddt",
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
