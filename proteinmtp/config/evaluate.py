"""Scoring against the experiment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proteinmtp.config.section import Section


class EvaluateConfig(Section):
    """Scoring against the experiment."""

    subset: Literal["train", "val", "test"] = Field(
        "test", description="chains that are predicted and scored: train, val or test"
    )
