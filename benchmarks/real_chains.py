"""Real chains for benchmarks, drawn with a seed and put on disk by the stages parse and distances; else the demo's."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import distances, parse
from proteinmtp.config import DemoSource, ParseConfig
from proteinmtp.structures.listing import manifest_rows
from proteinmtp.structures.source import SourceFile
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.structures.synthetic import write_demo
from proteinmtp.tables.chains import CHAINS, Chain, ChainSequence, read_chains
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.shards import Shards

SHARDS = 4


@dataclass(frozen=True)
class ChainFiles:
    """Chains and their distances on disk."""

    chains: Shards
    distances: Shards

    def read(self, *, stored: bool) -> list[Chain]:
        """Read all chains, with their stored distances or without, as training does."""
        wanted = {row.chain_id for row in CHAINS.read_as(ChainSequence, *self.chains)}
        return read_chains(self.chains, wanted, self.distances if stored else None)


def shared_folder() -> Path | None:
    base = Path(os.environ.get("PROTEINMTP_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    return next((path for path in (base / "data", base) if (path / "chains_index.csv").is_file()), None)


def draw(scratch: Path, count: int, *, shortest: int = 30, longest: int = 512, seed: int = 0) -> list[SourceFile]:
    """Return files of so many chains, of lengths as they come within the bounds; of the demo there is no choice."""
    folder = shared_folder()
    if folder is None:
        write_demo(scratch / "demo", DemoSource(), seed)
        files = list_folder(scratch / "demo")
    else:
        with (folder / "chains_index.csv").open(encoding="utf-8") as handle:
            paths = [folder / row["file"] for row in csv.DictReader(handle) if shortest <= int(row["length"]) < longest]
        files = [SourceFile(f"e{number:05d}", path) for number, path in enumerate(paths)]
    order = np.random.default_rng(seed).permutation(len(files))[:count]
    return [files[index] for index in sorted(order)]


def write_shards(files: list[SourceFile], scratch: Path) -> ChainFiles:
    """Parse the files and compute distances, as the workflow does."""
    made = ChainFiles(Shards(scratch / "chains", SHARDS), Shards(scratch / "distances", SHARDS))
    for shard, (chains, stored) in enumerate(zip(made.chains, made.distances, strict=True)):
        manifest = scratch / "manifest.parquet"
        MANIFEST.write(manifest, manifest_rows(files[shard::SHARDS], "directory"))
        parse.run(
            parse.Inputs(manifest=manifest),
            parse.Outputs(chains=chains, quarantine=scratch / "quarantine.parquet"),
            parse.Options(parse=ParseConfig()),
        )
        distances.run(distances.Inputs(chains=chains), distances.Outputs(distances=stored), distances.Options())
    return made
