"""Prediction with the trained model."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Section


class PredictConfig(Section):
    """Prediction with the trained model."""

    batch_size: int = Field(16, ge=1, description="chains predicted together")
