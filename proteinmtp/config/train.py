"""The training loop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from proteinmtp.config.section import Section

PAUSES = frozenset({"checkpoint_every", "max_minutes"})
"""Keys that say when a run is saved and stopped, which changes nothing in its result."""


class LoraConfig(Section):
    """Low-rank adapters (PEFT)."""

    rank: int = Field(8, ge=1, le=65_536, description="rank of the adapters")
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
    batch_size: int = Field(16, ge=1, le=1_000_000, description="chains in an optimiser step, over all processes")
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
    gpus: int = Field(0, ge=0, le=64, description="GPUs that a training job takes; 0: train on the CPU")
    threads: int = Field(1, ge=1, le=256, description="CPU threads of a training or prediction job")

    @model_validator(mode="after")
    def _quantised_weights_stay_frozen(self) -> TrainConfig:
        if self.quantization != "none" and self.tuning != "lora":
            raise ValueError(
                f"train.quantization is '{self.quantization}', whose weights cannot be trained: set train.tuning to"
                " 'lora' or train.quantization to 'none'"
            )
        return self
