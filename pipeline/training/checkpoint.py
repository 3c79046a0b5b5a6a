"""Checkpoints of a training run: one safetensors file, written beside, synced, and moved into place.

A file holds the trained parameters, the optimiser's state, the state of the random generator and the history so far;
training resumed from it gives the same bits as training that was never stopped (on one CPU).
"""

import fcntl
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.manifest import atomic

NAME = "checkpoint.safetensors"


def save(folder: Path, step: int, network: nn.Module, optimizer: Optimizer, history: list[dict[str, Any]]) -> None:
    """Write the checkpoint of `folder`, in place of the one before."""
    tensors = {"rng": torch.get_rng_state()}
    for name, parameter in _trained(network):
        tensors[f"parameter/{name}"] = parameter.detach().contiguous()
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{name}/{key}"] = value.detach().contiguous()
    with atomic(folder / NAME) as temporary:
        save_file(tensors, temporary, metadata={"step": str(step), "history": json.dumps(history)})


def load(folder: Path, network: nn.Module, optimizer: Optimizer) -> tuple[int, list[dict[str, Any]]]:
    """Load the checkpoint of `folder` into network and optimiser.

    Returns:
        The number of steps that are done, and the history; (0, []) if there is no checkpoint.
    """
    path = folder / NAME
    if not path.exists():
        return 0, []
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
    return int(metadata["step"]), json.loads(metadata["history"])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that a process left over from a killed launcher and its successor take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.warning("another process trains in %s; waiting until it ends", folder)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _trained(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
