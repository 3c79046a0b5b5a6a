"""Runs that the real training stage trained on the small data, kept with their network."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline import backbone, predict, train
from proteinmtp.config import BackboneConfig, RunConfig, options_json
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.build import load_network
from proteinmtp.model.network import Network
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.tables.chains import read_chains
from proteinmtp.tables.history import HISTORY, HistoryRow
from proteinmtp.tables.saved_files import model_folder
from proteinmtp.tables.split import read_subset
from proteinmtp.training import checkpoint
from proteinmtp.training.step import TrainingStep

from .networks import run_of
from .small import SmallData

ROOT = Path(__file__).resolve().parent.parent.parent

STEPS = {"steps": 60, "batch_size": 16, "validate_every": 20, "lr": 0.01}
LORA = STEPS | {"tuning": "lora", "lora": {"rank": 4}}
TRAIN = {"full": STEPS, "lora": LORA}
ENCODER = {"slots": {"attention": "bidirectional"}}
READ_OUT = {"slots": {"kind": "none", "attention": "bidirectional"}}


@dataclass(frozen=True)
class RunFiles:
    """What a training stage reads and writes."""

    inputs: train.Inputs
    outputs: train.Outputs
    work: Path

    def train(self, settings: RunConfig) -> None:
        """Run the stage."""
        train.run(
            self.inputs,
            self.outputs,
            train.Options(run="a", settings=settings, seed=0, code="code", work=str(self.work)),
        )

    def command(self, settings: RunConfig) -> list[str]:
        """Return the arguments of Python that run the stage."""
        options = f'{{"run":"a","settings":{options_json(settings)},"seed":0,"code":"code","work":"{self.work}"}}'
        command = ["-m", "pipeline", "train", "--options", options]
        for name, path in {**vars(self.inputs), **vars(self.outputs)}.items():
            command += [f"--{name}", str(path)]
        return command

    def predict(self, settings: RunConfig, *, chains: Path, subset: str, table: Path) -> None:
        """Run the stage that predicts."""
        predict.run(
            predict.Inputs(
                chains=chains, split=self.inputs.split, backbone=self.inputs.backbone, record=self.outputs.record
            ),
            predict.Outputs(predictions=table),
            predict.Options(settings=settings, subset=subset),
        )

    @property
    def history(self) -> list[HistoryRow]:
        return list(HISTORY.read(self.outputs.history))

    @property
    def checkpoints(self) -> list[Path]:
        """The last one of each folder."""
        return [checkpoint.all_of(folder)[-1] for folder in self.work.glob("*/") if checkpoint.all_of(folder)]


@contextmanager
def killed_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop what trains in the block after so many steps, as hard as a kill: nothing but checkpoints are left."""
    take, taken = TrainingStep.take, []

    def failing(self: TrainingStep, chains: Any, lr: float) -> Any:
        if len(taken) == steps:
            raise KeyboardInterrupt
        taken.append(lr)
        return take(self, chains, lr)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingStep, "take", failing)
        yield


def files_of(small: SmallData, folder: Path) -> RunFiles:
    """Return the files of a run in a folder."""
    return RunFiles(
        train.Inputs(chains=small.chains, distances=small.distances, split=small.split, backbone=small.backbone),
        train.Outputs(record=folder / "run.json", history=folder / "history.parquet", model=folder / "model"),
        folder / "work",
    )


def process(arguments: list[str], **variables: str) -> dict[str, Any]:
    """Return the arguments of `subprocess` that run Python beside the Snakefile."""
    return {
        "args": [sys.executable, *arguments],
        "cwd": ROOT,
        "env": {**os.environ, "OMP_NUM_THREADS": "1", **variables},
        "text": True,
    }


@dataclass
class Trained:
    """A run that `train` trained: its config, its files, and the network as it was in memory at the end."""

    config: RunConfig
    files: RunFiles
    network: Network[Any]

    @property
    def folder(self) -> Path:
        return model_folder(self.files.inputs.backbone)

    @property
    def losses(self) -> list[float]:
        return [row.train_loss for row in self.files.history]


def made(config: BackboneConfig, folder: Path, seed: int = 0) -> Path:
    """Make a backbone in `folder` and return its record."""
    outputs = backbone.Outputs(record=folder / "backbone.json", model=folder / "model")
    backbone.run(backbone.Inputs(), outputs, backbone.Options(backbone=config, seed=seed))
    return outputs.record


def linked(source: Path, folder: Path) -> Path:
    """Make a backbone of kind path in `folder` and return its record."""
    return made(BackboneConfig(kind="path", path=str(source)), folder)


def train_of(
    monkeypatch: pytest.MonkeyPatch, small: SmallData, folder: Path, record: Path, **changes: object
) -> Trained:
    """Train on the backbone of a record, and keep the network that is saved."""
    config, files = run_of(**changes), files_of(small, folder)
    files = replace(files, inputs=replace(files.inputs, backbone=record))
    kept = []
    save = train.save_network
    monkeypatch.setattr(train, "save_network", lambda network, **rest: (kept.append(network), save(network, **rest)))
    files.train(config)
    return Trained(config, files, kept[0].eval())


def batch_of(small: SmallData, folder: Path) -> Batch:
    """Return three training chains, with the tokens of the backbone in a folder."""
    chains = read_chains(small.chains, read_subset(small.split, "train"))[:3]
    tokenizer = ResidueTokenizer.from_folder(folder)
    return collate(chains, [tokenizer.encode(chain.sequence) for chain in chains])


def distances_of(network: Network[Any], batch: Batch) -> Tensor:
    """Return the distances that a network predicts."""
    with torch.no_grad():
        return network(batch).distances


def values_of(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the parameters."""
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def assert_saved_and_loaded(run: Trained, small: SmallData) -> None:
    """Predictions of the network in memory, of the loaded one and of the stage predict are equal, bit for bit."""
    batch, model = batch_of(small, run.folder), run.files.outputs.model
    loaded = load_network(run.config, backbone=run.folder, saved=model, dtype=torch.float32)
    assert torch.equal(distances_of(loaded, batch), distances_of(run.network, batch))
    tables = []
    for name in ("one.parquet", "two.parquet"):
        table = model.parent / name
        run.files.predict(run.config, chains=small.chains[0], subset="train", table=table)
        tables.append(table.read_bytes())
    assert tables[0] == tables[1]
    assert {path.suffix for path in model.rglob("*")} <= {"", ".json", ".safetensors", ".md", ".txt"}
