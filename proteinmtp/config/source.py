"""Where structures come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from proteinmtp.config.section import Option, Section


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
    limit: int | None = Field(
        None, ge=1, description="take only so many of these, chosen by a hash of their codes; null: all"
    )

    @model_validator(mode="after")
    def _years_in_order(self) -> PdbbindSource:
        if self.first_year is not None and self.last_year is not None and self.first_year > self.last_year:
            raise ValueError(f"first_year {self.first_year} is after last_year {self.last_year}")
        return self


RATES = frozenset({"connections", "per_second", "timeout", "retries"})
"""Keys of `RcsbSource` that say how fast and how patiently files are fetched, which changes nothing in them."""


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


class BucketSource(Section):
    """Structure files in a bucket of object storage that speaks S3."""

    url: str | None = Field(
        None,
        pattern=r"^s3://[^/]+",
        description="s3://BUCKET or s3://BUCKET/FOLDER, searched at any depth; needs boto3",
    )
    endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="address of the storage; null: Amazon's, or what AWS_ENDPOINT_URL_S3 names",
    )
    anonymous: bool = Field(False, description="ask without credentials, as open data can be asked")
    limit: int | None = Field(
        None, ge=1, description="take only so many files, chosen by a hash of their names; null: all"
    )
    connections: int = Field(8, ge=1, le=64, description="downloads at the same time")


class SourceConfig(Section):
    """Where structures come from."""

    kind: str = Field(
        "demo",
        description="demo, directory, pdbbind, rcsb or bucket, of which only the section of that name is used, or a"
        " module of yours",
    )
    demo: DemoSource = DemoSource()
    directory: DirectorySource = DirectorySource()
    pdbbind: PdbbindSource = PdbbindSource()
    rcsb: RcsbSource = RcsbSource()
    bucket: BucketSource = BucketSource()
    options: dict[str, Option] = Field({}, description="options of a source of yours, by keyword")

    @model_validator(mode="after")
    def _place_is_named(self) -> SourceConfig:
        needed = {"directory": "path", "pdbbind": "path", "rcsb": "ids", "bucket": "url"}.get(self.kind)
        if needed and not getattr(getattr(self, self.kind), needed):
            what = {"path": "a folder", "ids": "a file with PDB ids", "url": "a bucket, as s3://BUCKET/FOLDER"}[needed]
            raise ValueError(f"source.kind is '{self.kind}', so source.{self.kind}.{needed} must name {what}")
        return self
