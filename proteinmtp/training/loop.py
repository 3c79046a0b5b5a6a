"""Training of one network on chains. What is kept are the weights of the best validation, not the last ones.

Started by `accelerate launch`, in one process or in several. Batches are a function of the step (see `sampler`),
checkpoints are exact (see `checkpoint`), so a run that is killed and started again ends as one that was not.
"""

import logging
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from torch.optim import AdamW, Optimizer

from proteinmtp.base import logs
from proteinmtp.base.errors import ResumeError, UserError
from proteinmtp.config import LoopConfig
from proteinmtp.model.backbone import compute_type, parameter_count
from proteinmtp.model.network import Trainable
from proteinmtp.model.tokens import Tokens
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.tables.history import HistoryRow
from proteinmtp.training import checkpoint
from proteinmtp.training.sampler import BatchSampler
from proteinmtp.training.step import StepResult, TrainingStep, Validation
from proteinmtp.training.stopping import Stopping

L = TypeVar("L", bound=LoopConfig)
N = TypeVar("N", bound=Trainable[Any, Any, Any])


class DivergedError(UserError):
    """Training whose loss is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Generic[N]):
    """What is trained, on what.

    Attributes:
        name: for the history and for messages.
        section: of the config that `options` come from, for messages.
        options: of the loop.
        seed: of weights, batches and dropout.
        training, validation: chains.
        build: makes the network anew.
        tokens: the backbone's tokenizer.
        work: folder for the checkpoint of this run alone.
    """

    name: str
    section: str
    options: LoopConfig
    seed: int
    training: Sequence[ChainSequence]
    validation: Sequence[ChainSequence]
    build: Callable[[], N]
    tokens: Tokens
    work: Path


@dataclass(frozen=True, kw_only=True)
class Trained(Generic[N]):
    """A trained network.

    Attributes:
        network: with the weights of the best validation; without validation chains, the last ones.
        history: a row for each validation.
        main: whether this is the process, of those that train together, that writes.
    """

    network: N
    history: list[HistoryRow]
    main: bool

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return self.history[-1].step if self.history else 0

    @property
    def saved_step(self) -> int:
        """Step that the weights are of."""
        return next((row.step for row in self.history if row.saved), 0)

    @property
    def trained_parameters(self) -> int:
        """Numbers that were trained."""
        return sum(parameter.numel() for parameter in self.network.parameters() if parameter.requires_grad)

    @property
    def parameters(self) -> int:
        """Numbers in the network."""
        return parameter_count(self.network)


@contextmanager
def trained(run: TrainingRun[N]) -> Iterator[Trained[N]]:
    """Train, or go on from the checkpoint if there is one; it is deleted when the block ends without an error.

    Raises:
        DivergedError: if the loss is no longer a number.
        ResumeError: if `max_minutes` is over, or by SIGTERM, with a checkpoint to go on from.
        UserError: if GPUs are asked for and there is none.
    """
    options = run.options
    if options.gpus and not torch.cuda.is_available():
        raise UserError(
            f"{run.name}: {run.section}.gpus is {options.gpus}, and there is no GPU; set it to 0 for the CPU"
        )
    torch.set_num_threads(options.threads)
    torch.manual_seed(run.seed)
    mixed = compute_type(options) is torch.bfloat16
    accelerator = Accelerator(cpu=options.gpus == 0, mixed_precision="bf16" if mixed else "no")
    main: bool = accelerator.is_main_process
    if not main:
        logging.getLogger().setLevel(logging.WARNING)
    with checkpoint.locked(run.work) if main else nullcontext():
        accelerator.wait_for_everyone()
        yield _train(accelerator, run)
        if main:
            shutil.rmtree(run.work, ignore_errors=True)
    accelerator.end_training()


def with_pauses(options: L, *, checkpoint_every: int, max_seconds: int) -> L:
    """Return the options with when training is saved and stopped; 0 leaves what they say."""
    given = {"checkpoint_every": checkpoint_every, "max_minutes": max_seconds / 60}
    return options.model_copy(update={key: value for key, value in given.items() if value})


def learning_rate(step: int, options: LoopConfig) -> float:
    """Return the learning rate of a step (from 0): a linear rise, then a cosine down to a hundredth of the peak."""
    warm = max(1, round(options.warmup * options.steps))
    if step < warm:
        return options.lr * (step + 1) / warm
    done = (step - warm) / max(1, options.steps - warm)
    return options.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def _train(accelerator: Accelerator, run: TrainingRun[N]) -> Trained[N]:
    history: list[HistoryRow] = []
    result = Trained(network=run.build(), history=history, main=accelerator.is_main_process)
    alone, device = accelerator.num_processes == 1, accelerator.device
    place = device if alone else f"{accelerator.num_processes} processes, {device.type}"
    logging.info(
        "%d training and %d validation chains; %s of %s parameters are trained; %s",
        len(run.training), len(run.validation), f"{result.trained_parameters:,}", f"{result.parameters:,}",
        place,
    )  # fmt: skip
    if run.training:
        stopping = Stopping(run.options.max_minutes)
        with stopping.heeding_sigterm():
            history.extend(_Loop(accelerator, run, result.network, stopping).run_to_the_end())
    else:
        logging.warning("there is no training chain; the model is saved untrained")
    return result


class _Loop:
    """Steps, validations and checkpoints."""

    def __init__(self, accelerator: Accelerator, run: TrainingRun[N], network: N, stopping: Stopping):
        self._accelerator, self._run, self._network, self._stopping = accelerator, run, network, stopping
        self._sampler = BatchSampler(
            [len(chain) for chain in run.training], batch_size=run.options.batch_size, seed=run.seed
        )
        if self._sampler.batch_size < accelerator.num_processes:
            raise UserError(
                f"{run.name}: {len(run.training)} training chains are too few for {accelerator.num_processes}"
                f" processes ({run.section}.gpus, processes, nodes)"
            )
        self._options = options = _counted_in_steps(run.options, len(run.training) / self._sampler.batch_size)
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        model, optimizer = accelerator.prepare(
            network, AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
        )
        self._optimizer: Optimizer = optimizer
        self._step = TrainingStep(accelerator, model=model, optimizer=optimizer, options=options, tokens=run.tokens)
        if accelerator.is_main_process:
            checkpoint.set_aside_damaged(run.work)
        accelerator.wait_for_everyone()
        self._position = checkpoint.load(run.work, network, optimizer)

    def run_to_the_end(self) -> list[HistoryRow]:
        """Take all steps that are left, give the network its best weights, and return the history."""
        position, options = self._position, self._options
        if position.step:
            logging.info("going on from the checkpoint of step %d", position.step)
        meter = logs.Progress(f"train {self._run.name}", options.steps, initial=position.step, unit="step")
        while position.step < options.steps:
            result = self._one_step()
            if self._accelerator.is_main_process:
                meter.step(note=f"loss {result.loss:.4f}")
            self._save_or_stop()
        meter.close()
        checkpoint.take_best(position, self._network)
        return position.history

    def _one_step(self) -> StepResult:
        position, options = self._position, self._options
        chains = [self._run.training[index] for index in self._sampler.batch(position.step)]
        lr = learning_rate(position.step, options)
        result = self._step.take(chains, lr)
        epoch = self._sampler.epoch(position.step)
        position.step += 1
        self._check(result.loss, result.grad_norm)
        position.tokens += sum(self._network.tokens_of(len(chain)) for chain in chains)
        position.losses.append(result.loss)
        if position.step % options.validate_every == 0 or position.step == options.steps:
            validation = self._step.validate(self._run.validation)
            self._check(validation.loss or 0.0, result.grad_norm)
            row = HistoryRow(
                run=self._run.name,
                step=position.step,
                epoch=epoch,
                lr=lr,
                train_loss=sum(position.losses) / len(position.losses),
                grad_norm=result.grad_norm,
                val_loss=validation.loss,
                val_mae=validation.distance_error,
                tokens=position.tokens,
                saved=False,
            )
            position.history.append(row)
            checkpoint.keep_best(position, self._network)
            position.losses = []
            logging.info(
                "%s, step %d: training loss %.4f; validation: %s",
                row.run, row.step, row.train_loss, _in_words(validation),
            )  # fmt: skip
        return result

    def _check(self, loss: float, grad_norm: float) -> None:
        """Stop if one of them is no number."""
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            raise DivergedError(
                f"{self._run.name}: loss {loss} and gradient norm {grad_norm} at step {self._position.step}; lower"
                f" {self._run.section}.lr"
            )

    def _save_or_stop(self) -> None:
        """Write a checkpoint where one is due, and stop where the time is over or somebody asks."""
        position, options = self._position, self._options
        late = self._anyone(self._stopping.due)
        if position.step == options.steps or not (late or position.step % options.checkpoint_every == 0):
            return
        if self._accelerator.is_main_process:
            checkpoint.save(self._run.work, position, network=self._network, optimizer=self._optimizer)
        if late:
            self._accelerator.wait_for_everyone()  # the end of one process ends the others, also one that still writes
            why = f"{self._run.section}.max_minutes is over" if self._stopping.late else "asked to end"
            raise ResumeError(f"{self._run.name}: {why} at step {position.step}; start again to go on")

    def _anyone(self, flag: bool) -> bool:
        """Return whether `flag` is set in any process; clocks differ, and all must stop at the same step."""
        return bool(self._accelerator.reduce(torch.tensor(float(flag), device=self._accelerator.device)))


def _counted_in_steps(options: LoopConfig, per_epoch: float) -> LoopConfig:
    """Return the options with `steps` as `epochs` say, where they do."""
    if options.epochs is None:
        return options
    return options.model_copy(update={"steps": max(1, round(options.epochs * per_epoch))})


def _in_words(validation: Validation) -> str:
    loss = "no chain" if validation.loss is None else f"loss {validation.loss:.4f}"
    error = validation.distance_error
    return loss if error is None else f"{loss}, distance error {error:.2f} A"
