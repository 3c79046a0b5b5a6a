"""Checkpoints of a training run: safetensors files, each written beside, synced, and moved into place.

A file holds the trained parameters, those of the best validation so far, the optimiser's state, the state of the random
generator and what was counted;
training resumed from it gives the same bits as training that was never stopped (on one CPU). Its name states the step
and the sha256 of its bytes. The last two are kept: one that is damaged is set aside, and the one before is used.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from proteinmtp.base import lock
from proteinmtp.base.files import file_sha256
from proteinmtp.base.space import writing
from proteinmtp.tables.history import HistoryRow

KEPT = 2
NAME = re.compile(r"step-(\d{12})-([0-9a-f]{64})\.safetensors")


@dataclass
class Position:
    """How far a run has come.

    Attributes:
        step: steps that are done.
        tokens: tokens seen.
        losses: of the steps since the last validation.
        history: a row for each validation.
        best: the parameters at the step of the least validation loss; none before the first validation.
    """

    step: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


def save(folder: Path, position: Position, *, network: nn.Module, optimizer: Optimizer) -> None:
    """Write a checkpoint into `folder`, and delete all but this one and the one before.

    Raises:
        SpaceError: if there is no room; those of before stay.
    """
    tensors = {"rng": torch.get_rng_state()}
    for name, parameter in _trained(network):
        tensors[f"parameter/{name}"] = parameter.detach().contiguous()
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{name}/{key}"] = value.detach().contiguous()
    tensors |= {f"best/{name}": value for name, value in position.best.items()}
    counted = asdict(replace(position, best={}))
    written = folder / "unfinished.safetensors"
    try:
        with writing(folder):
            save_file(tensors, written, metadata={"position": json.dumps(counted)})
            with written.open("rb") as handle:
                os.fsync(handle.fileno())
        written.rename(folder / f"step-{position.step:012d}-{file_sha256(written)}.safetensors")
    finally:
        written.unlink(missing_ok=True)
    for path in all_of(folder)[:-KEPT]:
        path.unlink()


def all_of(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, the last one last."""
    return sorted(path for path in folder.glob("step-*.safetensors") if NAME.fullmatch(path.name))


def set_aside_damaged(folder: Path) -> None:
    """Rename the last checkpoints whose bytes are not those that were written, until one is whole."""
    for path in reversed(all_of(folder)):
        _, digest = NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]  # they match, see `all_of`
        if file_sha256(path) == digest:
            return
        aside = path.rename(path.with_name(f"damaged-{path.name}"))
        logging.warning("the checkpoint %s is damaged and set aside; the one before is used, or the start", aside)


def load(folder: Path, network: nn.Module, optimizer: Optimizer) -> Position:
    """Load the last checkpoint of `folder` into network and optimiser; without one, the position is the start."""
    there = all_of(folder)
    if not there:
        return Position()
    path = there[-1]
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    torch.set_rng_state(tensors["rng"])
    for name, parameter in _trained(network):
        parameter.data.copy_(tensors[f"parameter/{name}"])
        prefix = f"optimizer/{name}/"
        state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        optimizer.state[parameter] = {
            key: value if value.ndim == 0 else value.to(parameter.device) for key, value in state.items()
        }
    position = json.loads(metadata["position"])
    return Position(
        **position
        | {
            "history": [HistoryRow(**row) for row in position["history"]],
            "best": {name.removeprefix("best/"): value for name, value in tensors.items() if name.startswith("best/")},
        }
    )


def keep_best(position: Position, network: nn.Module) -> None:
    """Keep the parameters if the last validation was the best so far, and mark its row; without one, nothing."""
    *before, last = (row.val_loss for row in position.history)
    if last is None or any(loss is not None and loss <= last for loss in before):
        return
    position.best = {name: parameter.detach().cpu().clone() for name, parameter in _trained(network)}
    position.history = [replace(row, saved=row is position.history[-1]) for row in position.history]


def take_best(position: Position, network: nn.Module) -> None:
    """Give the network the parameters of the best validation, or those that it has where there was none."""
    for name, parameter in _trained(network):
        if name in position.best:
            parameter.data.copy_(position.best[name])
    if position.history and not position.best:
        position.history[-1] = replace(position.history[-1], saved=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that a process left over from a killed launcher and its successor take turns.

    The file of the lock is deleted when the block ends without an error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.with_suffix(".lock")
    with lock.locked(path, waiting=f"another process trains in {folder}; waiting until it ends"):
        yield
        path.unlink()


def _trained(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
