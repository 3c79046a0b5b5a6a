"""One optimiser step over the chains of all processes, and validation."""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from proteinmtp.config import LoopConfig
from proteinmtp.model.network import Trainable
from proteinmtp.model.tokens import Tokens
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.training.sampler import share


class Processes(Protocol):
    """What a step needs of accelerate's `Accelerator`: the processes that train together, and how they compute."""

    @property
    def process_index(self) -> int:
        """Which of the processes this is."""

    @property
    def num_processes(self) -> int:
        """How many there are."""

    @property
    def device(self) -> torch.device:
        """Where this process computes."""

    def unwrap_model(self, model: nn.Module) -> Any:
        """Return the network inside what exchanges gradients."""

    def no_sync(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Keep gradients here while the block runs."""

    def autocast(self) -> AbstractContextManager[Any]:
        """Compute in mixed precision while the block runs, if that is asked for."""

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss."""

    def clip_grad_norm_(self, parameters: Iterable[Tensor], max_norm: float) -> Any:
        """Scale the gradients down to a norm; return what it was."""

    def reduce(self, tensor: Tensor) -> Any:
        """Return the sum over all processes."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """Loss of a step, and norm of its gradients before they were clipped."""

    loss: float
    grad_norm: float


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Mean loss, and mean distance error in angstrom, over validation chains; None where there is none."""

    loss: float | None
    distance_error: float | None


class TrainingStep:
    """Takes optimiser steps.

    Parameters:
        processes: that train together, an `Accelerator`.
        model: the network as `processes` prepared it.
        optimizer: of what is trained.
        options: batches, pieces, norm.
        tokens: the backbone's tokenizer.
    """

    def __init__(
        self, processes: Processes, *, model: nn.Module, optimizer: Optimizer, options: LoopConfig, tokens: Tokens
    ):
        self.processes, self.model, self.optimizer = processes, model, optimizer
        self.options, self.tokens = options, tokens
        self.network: Trainable[Any, Any, Any] = processes.unwrap_model(model)

    def take(self, chains: Sequence[ChainSequence], lr: float) -> StepResult:
        """Take one optimiser step on the chains of all processes, with learning rate `lr`.

        The loss is the mean over the chains of the step, however they are shared and cut.
        """
        processes = self.processes
        pieces = share(
            range(len(chains)),
            rank=processes.process_index,
            world=processes.num_processes,
            pieces=self.options.gradient_accumulation,
        )
        self.model.train()
        total = torch.zeros((), device=processes.device)
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            with nullcontext() if last else processes.no_sync(self.model):
                batch = self._batch([chains[index] for index in piece])
                with processes.autocast():
                    prediction = self.model(batch)
                # DistributedDataParallel averages gradients over processes, hence their number as a factor.
                loss = self.network.loss(prediction, batch).sum() / len(chains)
                processes.backward(loss * processes.num_processes)
                total += loss.detach()
        norm = processes.clip_grad_norm_(self.model.parameters(), self.options.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        return StepResult(loss=float(processes.reduce(total)), grad_norm=float(norm))

    @torch.no_grad()
    def validate(self, chains: Sequence[ChainSequence]) -> Validation:
        """Return loss and distance error of validation chains.

        Every process does the same work: the validation set is small, and nothing has to be gathered.
        """
        if not chains:
            return Validation(loss=None, distance_error=None)
        self.network.eval()
        size = max(1, self.options.batch_size // self.processes.num_processes)
        ordered = sorted(chains, key=len)
        losses, errors = [], []
        for start in range(0, len(ordered), size):
            batch = self._batch(ordered[start : start + size])
            with self.processes.autocast():
                prediction = self.network(batch)
            losses.append(self.network.loss(prediction, batch))
            error = self.network.distance_error(prediction, batch)
            if error is not None:
                errors.append(error)
        mean = float(torch.cat(errors).mean()) if errors else math.nan
        return Validation(loss=float(torch.cat(losses).mean()), distance_error=mean if math.isfinite(mean) else None)

    def _batch(self, chains: Sequence[ChainSequence]) -> Any:
        tokens = [self.tokens.encode(chain.sequence) for chain in chains]
        return self.network.collate(chains, tokens).to(self.processes.device)
