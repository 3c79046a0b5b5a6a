"""Runs that the real training stage trained on the small data, kept with their network."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from proteinmtp.config.whole import RunConfig
from proteinmtp.config.backbone import BackboneConfig
from proteinmtp.tables.reader import read_chains, read_subset
from proteinmtp.tables.parquet import read_rows
from proteinmtp.predictors.network import predict_shard
from proteinmtp.model.backbone import make_backbone
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.network import SlotNetwork, load_network
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.training import train as training

from .small import SmallData, small_config
from .test_training import files_of

STEPS = {"steps": 60, "batch_size": 16, "validate_every": 20, "lr": 0.01}
LORA = STEPS | {"tuning": "lora", "lora": {"rank": 4}}
ENCODER = {"slots": {"attention": "bidirectional"}}
READ_OUT = {"slots": {"kind": "none", "attention": "bidirectional"}}


@dataclass
class Trained:
    """A run that `train` trained: its config, its files, and the network as it was in memory at the end."""

    config: RunConfig
    files: training.TrainingFiles
    network: SlotNetwork

    @property
    def folder(self) -> Path:
        return self.files.backbone.parent / "model"

    @property
    def losses(self) -> list[float]:
        return [row["train_loss"] for row in read_rows(self.files.history)]


def linked(source: Path, folder: Path, **changes: object) -> Path:
    """Make a backbone of kind path in `folder` and return its manifest."""
    make_backbone(BackboneConfig(kind="path", path=str(source), **changes), 0, folder / "model", folder / "m.json")
    return folder / "m.json"


def train_of(monkeypatch: pytest.MonkeyPatch, small: SmallData, folder: Path, manifest: Path, **changes) -> Trained:
    config = small_config(runs=[{"name": "a"} | changes]).run("a")
    files = files_of(small, folder)
    files = training.TrainingFiles(**{**files.__dict__, "backbone": manifest})
    kept = []
    save = training.save_network
    monkeypatch.setattr(training, "save_network", lambda network, *rest: (kept.append(network), save(network, *rest)))
    training.train("a", config, 0, files, "code")
    return Trained(config, files, kept[0].eval())


def batch_of(small: SmallData, folder: Path) -> Batch:
    chains = read_chains(small.chains, read_subset(small.split, "train"))[:3]
    tokenizer = ResidueTokenizer.from_folder(folder)
    return collate(chains, [tokenizer.encode(chain.sequence) for chain in chains])


def distances_of(network: SlotNetwork, batch: Batch) -> Tensor:
    with torch.no_grad():
        return network(batch).distances


def values_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def assert_saved_and_loaded(run: Trained, small: SmallData) -> None:
    """Predictions of the network in memory, of the loaded one and of the stage predict are equal, bit for bit."""
    batch = batch_of(small, run.folder)
    loaded = load_network(run.config, run.folder, run.files.model, torch.float32)
    assert torch.equal(distances_of(loaded, batch), distances_of(run.network, batch))
    tables = []
    for name in ("one.parquet", "two.parquet"):
        table = run.files.model.parent / name
        predict_shard(run.config, small.chains[0], small.split, "train", run.files.backbone, run.files.manifest, table)
        tables.append(table.read_bytes())
    assert tables[0] == tables[1]
    assert {path.suffix for path in run.files.model.rglob("*")} <= {"", ".json", ".safetensors", ".md", ".txt"}
