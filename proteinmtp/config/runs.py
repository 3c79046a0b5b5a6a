"""Runs: all settings of one, and the entries of `runs`: what each is called, changes, and is there to find out.

A run may carry a hypothesis: that it is better, or worse, than another one in one metric. It is written before the run,
and the report says what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.base.plugins import suggestion
from proteinmtp.config.backbone import BackboneConfig
from proteinmtp.config.comparators import ComparatorEntry
from proteinmtp.config.head import HeadConfig
from proteinmtp.config.loss import LossConfig
from proteinmtp.config.predict import PredictConfig
from proteinmtp.config.reconstruct import ReconstructConfig
from proteinmtp.config.section import Section
from proteinmtp.config.slots import SlotsConfig
from proteinmtp.config.train import TrainConfig

NULL_PREFIX = "null_"
"""Names of pseudo-runs, predictors without a model, begin so."""
SEED_MARK = "-"
"""Between the name of a run and the number of the seed it is trained with, from the second one on."""


class RunConfig(Section):
    """All settings of one run."""

    backbone: BackboneConfig = BackboneConfig()
    slots: SlotsConfig = SlotsConfig()
    head: HeadConfig = HeadConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
    predict: PredictConfig = PredictConfig()
    reconstruct: ReconstructConfig = ReconstructConfig()

    @model_validator(mode="after")
    def _encoders_see_both_ways(self) -> RunConfig:
        if self.backbone.kind != "tiny" or self.backbone.tiny.family != "esm":
            return self
        for key, value, wanted in (
            ("slots.attention", self.slots.attention, "bidirectional"),
            ("backbone.pretrain.objective", self.backbone.pretrain.objective, "masked"),
        ):
            if value == "causal":
                raise ValueError(
                    f"{key} is 'causal', but backbone.tiny.family 'esm' is an encoder, whose tokens see all others:"
                    f" set {key} to '{wanted}'"
                )
        return self


class RunEntry(BaseModel):
    """One run: a name, sentences for the report, and any settings of `defaults` that it changes."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and _")
    description: str = Field("", description="a sentence for the report")
    seeds: int = Field(
        1,
        ge=1,
        le=100,
        description="how often it is trained, with the seed of the config, the next one, and so on; the report gives"
        " means over them, and intervals that count the spread between them",
    )
    question: str = Field("", description="what the run is there to find out, a sentence for the report")
    hypothesis: str = Field("", description="what is expected and why, written before the run; needs against")
    against: str | None = Field(None, description="the run, comparator or null that the run is held against")
    expects: Literal["better", "worse"] = Field("better", description="what the hypothesis says the run is")
    metric: str = Field("lddt", description="the score in which the hypothesis is judged")

    @field_validator("name")
    @classmethod
    def _not_a_null(cls, name: str) -> str:
        if name.startswith(NULL_PREFIX):
            raise ValueError("names that begin with null_ belong to the built-in nulls")
        return name

    @field_validator("metric")
    @classmethod
    def _a_score(cls, metric: str) -> str:
        return one_of(metric, [shown.name for shown in METRICS_SHOWN])

    @model_validator(mode="after")
    def _a_claim_is_whole(self) -> RunEntry:
        if self.hypothesis and self.against is None:
            raise ValueError(
                f"the run {self.name} has a hypothesis, so `against` must name the run or null it is held against"
            )
        if self.against is not None and not self.hypothesis:
            raise ValueError(f"the run {self.name} is held against {self.against}, so it needs a hypothesis")
        return self


def trainings(runs: Sequence[RunEntry]) -> dict[str, int]:
    """Return the trainings of all runs by name, each with what is added to the seed; the first has the run's name."""
    return {
        entry.name if place == 0 else f"{entry.name}{SEED_MARK}{place + 1}": place
        for entry in runs
        for place in range(entry.seeds)
    }


def run_of(training: str) -> str:
    """Return the name of the run that a training belongs to; comparators and nulls are their own."""
    return training.partition(SEED_MARK)[0]


def check_names(runs: Sequence[RunEntry], comparators: Sequence[ComparatorEntry]) -> None:
    """Check that names differ and that none is that of a null.

    Raises:
        ValueError: naming what is wrong.
    """
    taken = [entry.name for entry in runs] + [entry.name for entry in comparators]
    if len(set(taken)) != len(taken):
        where = "runs and comparators" if comparators else "runs"
        raise ValueError(f"{where}: names must differ, got {', '.join(taken)}")
    nulls = [entry.name for entry in comparators if entry.name.startswith(NULL_PREFIX)]
    if nulls:
        raise ValueError(f"comparators: names that begin with null_ belong to the built-in nulls, got {nulls[0]}")


def one_of(name: str, known: Sequence[str]) -> str:
    """Return `name` if it is one of `known`.

    Raises:
        ValueError: with what is allowed, and the nearest of it.
    """
    if name not in known:
        raise ValueError(f"{suggestion(name, list(known))}allowed: {', '.join(known)}")
    return name
