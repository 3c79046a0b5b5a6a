"""Settings of the data stages: where structures come from, what is taken from them, how they are divided."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """Base of all sections: strict types, no unknown keys, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class DemoSource(Section):
    """Synthetic proteins for trying the workflow without any data."""

    families: int = Field(12, ge=2, le=24, description="fold families")
    members: int = Field(50, ge=4, le=1000, description="proteins in each family")


class DirectorySource(Section):
    """Structure files in a folder."""

    path: str | None = Field(None, description="folder searched recursively for .pdb, .ent, .cif, .mmcif (.gz too)")
    limit: int | None = Field(
        None, ge=1, description="take only so many files, chosen by a hash of their names; null: all"
    )
    ids: Literal["name", "header"] = Field(
        "name",
        description="an entry's id: name (of the file) or header (the code inside it, if any)",
    )


class PdbbindSource(Section):
    """A PDBbind tree: index/ and one folder for each code."""

    path: str | None = Field(None, description="root folder, with index/ and <code>/<code>_protein.pdb below it")
    set: Literal["general", "refined"] = Field("general", description="general or refined: which index to follow")
    max_resolution: float | None = Field(
        None,
        gt=0,
        description="worst resolution taken, angstrom; leaves out NMR, which has none; null: any",
    )
    first_year: int | None = Field(None, ge=1970, le=2100, description="first release year taken; null: no limit")
    last_year: int | None = Field(None, ge=1970, le=2100, description="last release year taken; null: no limit")

    @model_validator(mode="after")
    def _years_in_order(self) -> PdbbindSource:
        if self.first_year is not None and self.last_year is not None and self.first_year > self.last_year:
            raise ValueError(f"first_year {self.first_year} is after last_year {self.last_year}")
        return self


class RcsbSource(Section):
    """mmCIF files of the PDB, downloaded by id."""

    ids: str | None = Field(
        None, description="text file with PDB ids, separated by blanks, commas or lines; # begins a comment"
    )
    mirror: str = Field(
        "https://files.rcsb.org/download/<id>.cif.gz",
        pattern=r"^https?://.*<id>",
        description="address of a file; <id> is the code in lower case, <mid> its two middle letters",
    )
    obsolete: str | None = Field(
        "https://files.wwpdb.org/pub/pdb/data/status/obsolete.dat",
        pattern=r"^https?://",
        description="list of obsolete ids, asked when an id is not found; null: do not ask",
    )
    folder: str | None = Field(None, description="where files are kept; null: work/rcsb below the results folder")
    connections: int = Field(4, ge=1, le=16, description="downloads at the same time")
    per_second: float = Field(5.0, gt=0, le=50, description="requests started in a second, at most")
    timeout: float = Field(30.0, gt=0, description="seconds without an answer after which a request is tried again")
    retries: int = Field(5, ge=0, description="how often a request is tried again, with growing pauses")


class SourceConfig(Section):
    """Where structures come from."""

    kind: Literal["demo", "directory", "pdbbind", "rcsb"] = Field(
        "demo", description="demo, directory, pdbbind or rcsb; only the section of that name is used"
    )
    demo: DemoSource = DemoSource()
    directory: DirectorySource = DirectorySource()
    pdbbind: PdbbindSource = PdbbindSource()
    rcsb: RcsbSource = RcsbSource()

    def in_use(self) -> SourceConfig:
        """Return these settings with the sections of the other kinds at their defaults."""
        return SourceConfig.model_validate({"kind": self.kind, self.kind: getattr(self, self.kind)})

    @model_validator(mode="after")
    def _place_is_named(self) -> SourceConfig:
        needed = {"directory": "path", "pdbbind": "path", "rcsb": "ids"}.get(self.kind)
        if needed and not getattr(getattr(self, self.kind), needed):
            what = "a file with PDB ids" if needed == "ids" else "a folder"
            raise ValueError(f"source.kind is '{self.kind}', so source.{self.kind}.{needed} must name {what}")
        return self


class ParseConfig(Section):
    """What is taken from a structure file; the rest goes to quarantine with a reason."""

    shards: int = Field(4, ge=1, le=999, description="number of shards; an entry's shard is a hash of its id")
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


class ComparatorEntry(Section):
    """Predictions from elsewhere that are scored beside the runs."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and _, as for runs")
    folder: str = Field(min_length=1, description="folder searched recursively for .pdb, .ent, .cif, .mmcif (.gz too)")
    description: str = Field("", description="a sentence for the report")


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
