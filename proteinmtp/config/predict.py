"""Prediction with the trained model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proteinmtp.config.section import Section


class PredictConfig(Section):
    """Prediction with the trained model."""

    batch_size: int = Field(
        16, ge=1, description="chains predicted together on a GPU; on the CPU each is predicted alone"
    )
    quantization: Literal["none", "int8", "nf4"] | None = Field(
        None,
        description="how weights of the backbone are held in prediction, whatever they were trained in; null: as in"
        " training",
    )
    offload: bool = Field(
        False, description="split the backbone between the GPU and main memory, where it is too large for the GPU"
    )
