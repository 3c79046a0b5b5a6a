"""Checkpoints of a training run: one safetensors file, written beside, synced, and moved into place.

A file holds the trained parameters, the optimiser's state, the state of the random generator and what was counted;
training resumed from it gives the same bits as training that was never stopped (on one CPU).
"""

import fcntl
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from proteinmtp.base.files import atomic
from proteinmtp.tables.history import HistoryRow

NAME = "checkpoint.safetensors"


@dataclass
class Position:
    """How far a run has come.

    Attributes:
        step: steps that are done.
        tokens: tokens seen.
        losses: of the steps since the last validation.
        history: a row for each validation.
    """

    step: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)


def save(folder: Path, position: Position, *, network: nn.Module, optimizer: Optimizer) -> None:
    """Write the checkpoint of `folder`, in place of the one before."""
    tensors = {"rng": torch.get_rng_state()}
    for name, parameter in _trained(network):
        tensors[f"parameter/{name}"] = parameter.detach().contiguous()
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{name}/{key}"] = value.detach().contiguous()
    with atomic(folder / NAME) as temporary:
        save_file(tensors, temporary, metadata={"position": json.dumps(asdict(position))})


def load(folder: Path, network: nn.Module, optimizer: Optimizer) -> Position:
    """Load the checkpoint of `folder` into network and optimiser; without one, the position is the start."""
    path = folder / NAME
    if not path.exists():
        return Position()
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
    return Position(**position | {"history": [HistoryRow(**row) for row in position["history"]]})


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that a process left over from a killed launcher and its successor take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.warning("another process trains in %s; waiting until it ends", folder)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _trained(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
