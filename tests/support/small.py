"""A small config and a small data set, each once, for all tests."""

import re
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from pipeline import backbone, demo, distances, manifest, parse, split
from proteinmtp.base.errors import ConfigError
from proteinmtp.config import Config, DemoSource, ParseConfig, SourceConfig, SplitConfig
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.shards import Shards

SMALL_RUN: dict[str, Any] = {
    "backbone": {
        "tiny": {"hidden_size": 32, "layers": 2, "heads": 2, "key_value_heads": 1, "intermediate_size": 64},
        "pretrain": {"when": "never"},
    },
    "slots": {"kind": "placeholder", "attention": "causal"},
    "head": {"kind": "distance", "width": 16},
    "train": {
        "tuning": "full",
        "distances": "computed",
        "steps": 6,
        "batch_size": 4,
        "validate_every": 3,
        "checkpoint_every": 2,
    },
    "reconstruct": {"smacof_steps": 10},
}


def small_config(**changes: Any) -> Config:
    """Return a config with a very small network; `changes` are top-level keys.

    What of the small settings no run uses is left out.
    """
    changes.setdefault("runs", [{"name": "a"}])
    defaults = deepcopy(SMALL_RUN)
    try:
        return parse_config({"defaults": defaults} | changes)
    except ConfigError as error:
        unused = re.findall(r"^defaults\.([\w.]+): no run uses it", str(error), flags=re.MULTILINE)
        if not unused or "defaults" in changes:
            raise
    for key in unused:
        *sections, leaf = key.split(".")
        del reduce(getitem, sections, defaults)[leaf]
    return parse_config({"defaults": defaults} | changes)


class SmallData:
    """Demo chains of three families in two shards, split, with a small backbone; made by the real stages."""

    def __init__(self, folder: Path):
        self.folder = folder
        demo.run(
            demo.Inputs(),
            demo.Outputs(files=folder / "files.json", structures=folder / "data" / "demo" / "structures"),
            demo.Options(demo=DemoSource(families=3, members=8), seed=0),
        )
        self.chains, self.quarantine, self.distances = (
            Shards(folder / name, 2) for name in ("chains", "quarantine", "distances")
        )
        for shard in range(2):
            entries = folder / f"manifest-{shard}.parquet"
            manifest.run(
                manifest.Inputs(),
                manifest.Outputs(manifest=entries),
                manifest.Options(source=SourceConfig(), results=str(folder), shard=shard, shards=2),
            )
            parse.run(
                parse.Inputs(manifest=entries),
                parse.Outputs(chains=self.chains[shard], quarantine=self.quarantine[shard]),
                parse.Options(parse=ParseConfig()),
            )
            distances.run(
                distances.Inputs(chains=self.chains[shard]),
                distances.Outputs(distances=self.distances[shard]),
                distances.Options(),
            )
        self.split, self.summary = folder / "split.parquet", folder / "split.json"
        self.relatives = folder / "relatives.parquet"
        split.run(
            split.Inputs(chains=self.chains, quarantine=self.quarantine),
            split.Outputs(split=self.split, relatives=self.relatives, summary=self.summary),
            split.Options(split=SplitConfig(), seed=0),
        )
        self.backbone = folder / "backbone" / "backbone.json"
        backbone.run(
            backbone.Inputs(),
            backbone.Outputs(record=self.backbone, model=self.backbone.parent / "model"),
            backbone.Options(backbone=small_config().defaults.backbone, seed=0),
        )
