"""Sequences without a structure, which runs fold."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Section


class SequencesEntry(Section):
    """Sequences that each run folds when it is trained."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and _, as for runs")
    file: str = Field(min_length=1, description="FASTA, .csv, .tsv or .parquet, .gz too")
