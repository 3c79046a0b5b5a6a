"""The HTML report."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Section


class ReportConfig(Section):
    """The HTML report."""

    title: str = Field("ProteinMTP: from sequence to structure", description="heading of the report")
    bootstrap_samples: int = Field(2000, ge=100, description="bootstrap resamples behind each confidence interval")
    equivalence: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="difference in Cα-lDDT that counts as none: two runs are as good as each other where the whole"
        " interval of their difference is smaller, either way",
    )
