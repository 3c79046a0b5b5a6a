"""The HTML report."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Section


class ReportConfig(Section):
    """The HTML report."""

    title: str = Field("ProteinMTP: from sequence to structure", description="heading of the report")
    bootstrap_samples: int = Field(2000, ge=100, description="bootstrap resamples behind each confidence interval")
