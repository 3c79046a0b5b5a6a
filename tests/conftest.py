"""Fixtures that several tests share: real structures where they are at hand, a small backbone, a small data set."""

import os
from pathlib import Path

import pytest

from pipeline.config import Config, parse_config
from pipeline.config_data import DemoSource, ParseConfig, SourceConfig, SplitConfig
from pipeline.dataset.distances import write_distances
from pipeline.dataset.split import write_split
from pipeline.model.backbone import make_backbone
from pipeline.structures.demo import write_demo
from pipeline.structures.listing import write_manifest
from pipeline.structures.stages import parse_shard

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real structures; see tests/README.md."""
    base = Path(os.environ.get("PROTEINMTP_SHARED", ROOT.parent / "shared"))
    folder = next((path for path in (base / "data", base) if (path / "chains_index.csv").is_file()), None)
    if folder is None:
        pytest.skip(f"no real structures in {base}; PROTEINMTP_SHARED may name the folder that holds them")
    return folder


SMALL_RUN = {
    "backbone": {"tiny": {"hidden_size": 32, "layers": 2, "heads": 2, "key_value_heads": 1, "intermediate_size": 64}},
    "slots": {"kind": "placeholder", "attention": "causal"},
    "head": {"kind": "distance", "width": 16},
    "train": {"steps": 6, "batch_size": 4, "validate_every": 3, "checkpoint_every": 2},
    "reconstruct": {"smacof_steps": 10},
}


def small_config(**changes: object) -> Config:
    """Return a config with a very small network; `changes` are top-level keys."""
    return parse_config({"defaults": SMALL_RUN} | changes)


class SmallData:
    """Demo chains of three families in two shards, split, with a small backbone; made by the real stages."""

    def __init__(self, folder: Path):
        self.folder = folder
        write_demo(DemoSource(families=3, members=8), 0, folder / "data" / "demo" / "structures", folder / "files.json")
        self.chains, self.quarantine, self.distances = (
            [folder / name / f"{shard:03d}.parquet" for shard in range(2)]
            for name in ("chains", "quarantine", "distances")
        )
        for shard in range(2):
            manifest = folder / f"manifest-{shard}.parquet"
            write_manifest(SourceConfig(), folder, shard, 2, manifest)
            parse_shard(manifest, ParseConfig(), self.chains[shard], self.quarantine[shard])
            write_distances(self.chains[shard], self.distances[shard])
        self.split, self.summary = folder / "split.parquet", folder / "split.json"
        write_split(self.chains, self.quarantine, SplitConfig(), 0, 1, self.split, self.summary)
        self.backbone = folder / "backbone" / "manifest.json"
        make_backbone(small_config().defaults.backbone, 0, self.backbone.parent / "model", self.backbone)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallData:
    return SmallData(tmp_path_factory.mktemp("small"))
