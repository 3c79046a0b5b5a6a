"""The HTML report."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Section


class ReportConfig(Section):
    """The HTML report."""

    title: str = Field("ProteinMTP: from sequence to structure", description="heading of the report")
    chains: int = Field(
        200,
        ge=0,
        le=5000,
        description="chains that can be opened in the page, with traces and maps; of more, a sample, chosen by a hash"
        " of their ids",
    )
    megabytes: float = Field(
        10.0, gt=0, description="room for these chains in the page; where they need more, fewer can be opened"
    )
    bootstrap_samples: int = Field(2000, ge=100, description="bootstrap resamples behind each confidence interval")
    equivalence: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="difference in Cα-lDDT that counts as none: two runs are as good as each other where the whole"
        " interval of their difference is smaller, either way",
    )
