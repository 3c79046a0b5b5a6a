"""The training loop: what training of a run and pretraining of a backbone have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from proteinmtp.base.gpus import visible_gpus
from proteinmtp.config.section import Section

PAUSES = frozenset({"checkpoint_every", "max_minutes"})
"""Keys that say when training is saved and stopped, which changes nothing in its result."""


class LoopConfig(Section):
    """The training loop."""

    steps: int = Field(300, ge=0, description="optimiser steps")
    epochs: float | None = Field(
        None, gt=0, le=100_000, description="in place of steps: how often each training chain is seen; null: see steps"
    )
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
    validate_every: int = Field(
        100, ge=1, description="steps between validations; the weights of the best one are those that are kept"
    )
    checkpoint_every: int = Field(100, ge=1, description="steps between checkpoints")
    max_minutes: float | None = Field(
        None, gt=0, description="stop with exit code 75 and a checkpoint after so long; null: no limit"
    )
    gpus: Annotated[
        int,
        BeforeValidator(lambda value: len(visible_gpus()) if value == "auto" else value),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 64}, {"const": "auto"}]}),
    ] = Field(
        0,
        ge=0,
        le=64,
        description="GPUs that a job takes; 0: the CPU; auto: those of the machine where snakemake is started",
    )
    processes: int = Field(
        1, ge=1, le=256, description="processes that train together on the CPU; on GPUs there is one for each"
    )
    nodes: int = Field(
        1, ge=1, le=1024, description="machines that a job takes, each with so many GPUs or processes; SLURM gives them"
    )
    threads: int = Field(1, ge=1, le=256, description="CPU threads of a process")

    @model_validator(mode="after")
    def _each_process_has_a_chain(self) -> LoopConfig:
        if self.batch_size < world_size(self):
            each = f"gpus {self.gpus}" if self.gpus else f"processes {self.processes}"
            several = f" on nodes {self.nodes}" if self.nodes > 1 else ""
            raise ValueError(
                f"batch_size {self.batch_size} is below {each}{several}, each of which takes a chain or more"
            )
        return self


def processes_of_a_node(loop: LoopConfig) -> int:
    """Return how many processes train on each machine."""
    return loop.gpus or loop.processes


def world_size(loop: LoopConfig) -> int:
    """Return how many processes train together."""
    return loop.nodes * processes_of_a_node(loop)
