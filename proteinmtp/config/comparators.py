"""Predictions from elsewhere that are scored beside the runs."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Section


class ComparatorEntry(Section):
    """Predictions from elsewhere that are scored beside the runs."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and _, as for runs")
    folder: str = Field(min_length=1, description="folder searched recursively for .pdb, .ent, .cif, .mmcif (.gz too)")
    description: str = Field("", description="a sentence for the report")
