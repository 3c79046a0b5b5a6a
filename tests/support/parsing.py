"""Lines of PDB files, and the stages from a source to parsed chains."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import manifest, parse
from proteinmtp.config import DemoSource, ParseConfig, SourceConfig
from proteinmtp.structures.synthetic import write_demo
from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.manifest import MANIFEST, ManifestRow
from proteinmtp.tables.quarantine import QUARANTINE, QuarantineRow

ANY = ParseConfig(min_length=4, min_observed=0, max_unknown=1, max_bond_outliers=1, copies="all")


def atom(serial, residue, chain, number, x, *, name="CA", altloc=" ", insertion=" ", occupancy=1.0, record="ATOM  "):
    return (
        f"{record}{serial:5d}  {name:<3s}{altloc}{residue:3s} {chain}{number:4d}{insertion}   "
        f"{x:8.3f}{0:8.3f}{0:8.3f}{occupancy:6.2f}{20:6.2f}          {name[0]:>2s}\n"
    )


def directory(folder: Path, **options: object) -> SourceConfig:
    return SourceConfig.model_validate({"kind": "directory", "directory": {"path": str(folder)} | options})


def small_demo(folder: Path, families: int = 2, members: int = 4, seed: int = 0) -> Path:
    """Write a demo and return its folder."""
    write_demo(folder, DemoSource(families=families, members=members), seed)
    return folder


def list_entries(source: SourceConfig, results: Path, output: Path, shard: int = 0, shards: int = 1) -> None:
    """Run the stage `manifest`."""
    manifest.run(
        manifest.Inputs(),
        manifest.Outputs(manifest=output),
        manifest.Options(source=source, results=str(results), shard=shard, shards=shards),
    )


def parse_shard(entries: Path, chains: Path, quarantine: Path, limits: ParseConfig | None = None) -> None:
    """Run the stage `parse`."""
    parse.run(
        parse.Inputs(manifest=entries),
        parse.Outputs(chains=chains, quarantine=quarantine),
        parse.Options(parse=limits or ParseConfig()),
    )


@dataclass(frozen=True)
class ParsedTables:
    """What the stages from a source to parsed chains wrote."""

    entries: list[ManifestRow]
    chains: list[ChainRow]
    quarantine: list[QuarantineRow]
    intake: Intake


def parsed_tables(source: SourceConfig, results: Path, limits: ParseConfig | None = None) -> ParsedTables:
    """Run the stages `manifest` and `parse` on all of a source, and read what they wrote."""
    entries, chains, quarantine = results / "manifest", results / "chains", results / "quarantine"
    list_entries(source, results, entries)
    parse_shard(entries, chains, quarantine, limits)
    return read_tables(results)


def read_tables(results: Path) -> ParsedTables:
    """Read what `parsed_tables` wrote."""
    return ParsedTables(
        list(MANIFEST.read(results / "manifest")),
        list(CHAINS.read(results / "chains")),
        list(QUARANTINE.read(results / "quarantine")),
        Intake.read(results / "chains"),
    )
