"""The training of a run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from proteinmtp.config.loop import LoopConfig
from proteinmtp.config.section import Section


class LoraConfig(Section):
    """Low-rank adapters (PEFT)."""

    rank: int = Field(8, ge=1, le=65_536, description="rank of the adapters")
    alpha: int = Field(16, ge=1, description="scale of the adapters; their output is multiplied by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the adapters")
    targets: str | list[str] = Field(
        "all-linear", description="layers that get an adapter: all-linear or a list of names"
    )


class Tuning(Section):
    """What of the backbone is trained, and towards what."""

    tuning: Literal["full", "lora"] = Field("lora", description="lora: adapters only; full: all weights")
    lora: LoraConfig = LoraConfig()
    quantization: Literal["none", "int8", "nf4"] = Field(
        "none",
        description="how frozen weights are held (lora): none: as the precision says; int8: 8 bit; nf4: 4 bit",
    )
    distances: Literal["computed", "stored"] = Field(
        "computed", description="targets computed from coordinates, or read from the float16 shards"
    )


class TrainConfig(LoopConfig, Tuning):
    """The training of a run."""

    @model_validator(mode="after")
    def _quantised_weights_stay_frozen(self) -> TrainConfig:
        if self.quantization != "none" and self.tuning != "lora":
            raise ValueError(
                f"train.quantization is '{self.quantization}', whose weights cannot be trained: set train.tuning to"
                " 'lora' or train.quantization to 'none'"
            )
        return self
