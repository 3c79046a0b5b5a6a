"""What is taken from a structure file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from proteinmtp.config.section import Section


class ParseConfig(Section):
    """What is taken from a structure file; the rest goes to quarantine with a reason."""

    shards: int = Field(
        2,
        ge=1,
        le=999,
        description="number of shards; an entry's shard is a hash of its id; 300 to 1,000 chains in each are best, "
        "docs/scale.md",
    )
    min_length: int = Field(30, ge=4, description="shortest chain, residues of the full sequence")
    max_length: int = Field(512, ge=4, description="longest chain, residues of the full sequence")
    min_observed: float = Field(0.7, ge=0, le=1, description="least fraction of residues with a C-alpha position")
    max_unknown: float = Field(
        0.1, ge=0, le=1, description="largest fraction of residues that have no parent amino acid (X)"
    )
    max_bond_outliers: float = Field(
        0.05,
        ge=0,
        le=1,
        description="largest fraction of neighbouring residues whose C-alpha distance no peptide bond can have; "
        "gaps in the numbering are chain breaks and do not count",
    )
    max_breaks: int | None = Field(
        None, ge=0, description="most chain breaks, neighbours in the sequence that no bond joins; null: any number"
    )
    max_resolution: float | None = Field(
        None, gt=0, description="worst resolution taken, angstrom; files that state none are taken; null: any"
    )
    copies: Literal["first", "all"] = Field(
        "first",
        description="chains of a file with the same sequence: first (the best observed one, the others are counted) "
        "or all",
    )
    max_megabytes: int = Field(
        512, ge=1, le=2000, description="largest file that is read, unpacked; bounds the memory of a parse job"
    )

    @model_validator(mode="after")
    def _lengths_in_order(self) -> ParseConfig:
        if self.min_length > self.max_length:
            raise ValueError(f"min_length {self.min_length} is above max_length {self.max_length}")
        return self
