"""The entries of `runs`: what a run is called, what it changes, and what it is there to find out.

A run may carry a hypothesis: that it is better, or worse, than another one in one metric. It is written before the run,
and the report says what became of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.config_data import ComparatorEntry
from pipeline.evaluation.metrics import METRICS_SHOWN
from pipeline.plugins import names

NULLS_PACKAGE = "pipeline.inference.nulls"
NULL_PREFIX = "null_"

NULLS = tuple(f"{NULL_PREFIX}{name}" for name in names(NULLS_PACKAGE))
"""Pseudo-runs: predictors without a model, one for each module of the package, scored by the same code as the runs."""


class RunEntry(BaseModel):
    """One run: a name, sentences for the report, and any settings of `defaults` that it changes."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and _")
    description: str = Field("", description="a sentence for the report")
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
        return _one_of(metric, [shown.name for shown in METRICS_SHOWN])

    @model_validator(mode="after")
    def _a_claim_is_whole(self) -> RunEntry:
        if self.hypothesis and self.against is None:
            raise ValueError(
                f"the run {self.name} has a hypothesis, so `against` must name the run or null it is held against"
            )
        if self.against is not None and not self.hypothesis:
            raise ValueError(f"the run {self.name} is held against {self.against}, so it needs a hypothesis")
        return self


def check_names(runs: Sequence[RunEntry], comparators: Sequence[ComparatorEntry]) -> None:
    """Check that names differ and that each hypothesis is about something else that is scored.

    Raises:
        ValueError: naming what is wrong and what is allowed.
    """
    taken = [entry.name for entry in runs] + [entry.name for entry in comparators]
    if len(set(taken)) != len(taken):
        where = "runs and comparators" if comparators else "runs"
        raise ValueError(f"{where}: names must differ, got {', '.join(taken)}")
    nulls = [entry.name for entry in comparators if entry.name.startswith(NULL_PREFIX)]
    if nulls:
        raise ValueError(f"comparators: names that begin with null_ belong to the built-in nulls, got {nulls[0]}")
    for index, entry in enumerate(runs):
        if entry.against is not None:
            try:
                _one_of(entry.against, [name for name in (*taken, *NULLS) if name != entry.name])
            except ValueError as error:
                raise ValueError(f"runs[{index}] ({entry.name}).against: {error}; found {entry.against!r}") from None


def _one_of(name: str, known: Sequence[str]) -> str:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ValueError(f"{hint}allowed: {', '.join(known)}")
    return name
