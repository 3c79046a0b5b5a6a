"""How chains are divided into train, val and test."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from proteinmtp.config.section import Section


class TableSplit(Section):
    """A table that says which chains belong together, or which subset they are in."""

    path: str | None = Field(None, description="CSV, TSV or Parquet file")
    key: str = Field("entry_id", description="column with the entry ids or chain ids")
    column: str = Field("split", description="column with train, val or test")


class YearSplit(Section):
    """A division by time: models are tried on what came later."""

    val_from: int | None = Field(None, ge=1970, le=2100, description="first year of validation")
    test_from: int | None = Field(None, ge=1970, le=2100, description="first year of the test")


class SplitConfig(Section):
    """How chains are divided into train, val and test."""

    method: Literal["cluster", "uniprot", "table", "year", "random", "members", "memorise"] = Field(
        "members",
        description="cluster: whole homology clusters are held out (use this for real data); uniprot: whole UniProt "
        "ids are; table: as a column of a table says; year: what came later is held out; random: a leaky control; "
        "members: members of every cluster are held out, so folds are known (the demo's question); "
        "memorise: every chain is in train, val and test (a check of the machinery)",
    )
    identity: float = Field(0.3, ge=0.2, le=1, description="sequence identity above which two chains are homologous")
    coverage: float = Field(0.5, gt=0, le=1, description="part of the shorter chain that the alignment must cover")
    val: float = Field(0.1, ge=0, lt=1, description="fraction of chains for validation")
    test: float = Field(0.2, gt=0, lt=1, description="fraction of chains for the test")
    table: TableSplit = TableSplit()
    year: YearSplit = YearSplit()

    @model_validator(mode="after")
    def _some_are_left_for_training(self) -> SplitConfig:
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} and test {self.test} leave nothing for training; keep their sum below 1")
        return self

    @model_validator(mode="after")
    def _method_has_what_it_needs(self) -> SplitConfig:
        if self.method == "table" and not self.table.path:
            raise ValueError("split.method is 'table', so split.table.path must name a file")
        if self.method == "year":
            if self.year.test_from is None:
                raise ValueError("split.method is 'year', so split.year.test_from must be a year")
            if self.year.val_from is not None and self.year.val_from >= self.year.test_from:
                raise ValueError("split.year.val_from must be before split.year.test_from")
        return self
