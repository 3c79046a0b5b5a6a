"""Training of one run: from chains, split and backbone to a saved model.

Started by `accelerate launch`. Batches are a function of the step (see `sampler`), checkpoints are exact (see
`checkpoint`), so a run that is killed and started again ends as one that was not.
"""

import logging
import math
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import AdamW, Optimizer

from pipeline import logs
from proteinmtp.config.whole import RunConfig, TrainConfig
from proteinmtp.tables.reader import ChainRecord, read_chains, read_subset
from proteinmtp.tables.parquet import write_rows
from proteinmtp.base.files import atomic, directory_hashes, file_sha256, text_sha256, write_json
from proteinmtp.model.backbone import compute_type, parameter_count
from proteinmtp.model.batch import Batch, collate, masked_mean
from proteinmtp.model.network import SlotNetwork, build_network, save_network
from proteinmtp.model.tokens import SLOT, ResidueTokenizer
from proteinmtp.training import checkpoint
from proteinmtp.training.sampler import BatchSampler, share

RESUME_ME = 75
"""Exit code of a run that reached `train.max_minutes`; started again, it goes on."""

HISTORY = pa.schema(
    [
        ("run", pa.string()),
        ("step", pa.int32()),
        ("epoch", pa.int32()),
        ("lr", pa.float64()),
        ("train_loss", pa.float64()),
        ("grad_norm", pa.float64()),
        ("val_loss", pa.float64()),
        ("val_mae", pa.float64()),
        ("tokens", pa.int64()),
    ]
)

LATER = {"predict": True, "reconstruct": True}
"""Sections of a run's config that training does not use."""


class DivergedError(RuntimeError):
    """Training whose loss is no longer a number."""


@dataclass(frozen=True)
class TrainingFiles:
    """What a training run reads and writes.

    Attributes:
        chains, distances: shards, in the same order.
        split: table of the subsets.
        backbone: manifest of the backbone; its folder lies beside it.
        work: folder for the checkpoints of all runs.
        model: output folder.
        manifest: output, JSON with the sha256 of every file of `model`.
        history: output, Parquet.
    """

    chains: Sequence[Path]
    distances: Sequence[Path]
    split: Path
    backbone: Path
    work: Path
    model: Path
    manifest: Path
    history: Path


def train(run: str, config: RunConfig, seed: int, files: TrainingFiles, code: str) -> None:
    """Train one run and save the model; goes on from its checkpoint if there is one.

    Parameters:
        run: name, for the history.
        config: of the run.
        seed: of weights, batches and dropout.
        files: inputs and outputs.
        code: fingerprint of the training code; with the inputs and the config it names the checkpoint folder.
    """
    torch.set_num_threads(config.train.threads)
    torch.manual_seed(seed)
    dtype = compute_type(config.train)
    accelerator = Accelerator(cpu=config.train.gpus == 0, mixed_precision="bf16" if dtype is torch.bfloat16 else "no")
    if not accelerator.is_main_process:
        logging.getLogger().setLevel(logging.WARNING)
    work = files.work / f"{run}-{_fingerprint(config, seed, files, code)}"
    with checkpoint.locked(work) if accelerator.is_main_process else nullcontext():
        accelerator.wait_for_everyone()
        network, tokenizer, history = _fit(accelerator, run, config, seed, files, work)
        if accelerator.is_main_process:
            _save(run, network, tokenizer, config, history, files)
            shutil.rmtree(work, ignore_errors=True)
    accelerator.end_training()


def _fit(
    accelerator: Accelerator, run: str, config: RunConfig, seed: int, files: TrainingFiles, work: Path
) -> tuple[SlotNetwork, ResidueTokenizer, list[dict[str, Any]]]:
    options = config.train
    tokenizer = ResidueTokenizer.from_folder(files.backbone.parent / "model")
    stored = files.distances if options.distances == "stored" else None
    training, validation = (
        read_chains(files.chains, read_subset(files.split, subset), stored) for subset in ("train", "val")
    )
    network = build_network(config, files.backbone.parent / "model", compute_type(options), seed)
    network.head.fit([torch.from_numpy(chain.coords) for chain in training])  # type: ignore[operator]
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    total = parameter_count(network)
    logging.info(
        "%d training and %d validation chains; %s of %s parameters are trained; %s",
        len(training), len(validation), f"{sum(p.numel() for p in trained):,}", f"{total:,}", accelerator.device,
    )  # fmt: skip
    if not training:
        logging.warning("there is no training chain; the model is saved untrained")
        return network, tokenizer, []
    optimizer = AdamW(trained, lr=options.lr, weight_decay=options.weight_decay)
    model, optimizer = accelerator.prepare(network, optimizer)
    position = checkpoint.load(work, network, optimizer)
    if position.step:
        logging.info("going on from the checkpoint of step %d", position.step)
    sampler = BatchSampler([len(chain) for chain in training], options.batch_size, seed)
    loop = _Loop(accelerator, model, optimizer, config, tokenizer)
    meter = logs.Progress(f"train {run}", options.steps, initial=position.step, unit="step")
    began = time.monotonic()
    for step in range(position.step, options.steps):
        chains = [training[index] for index in sampler.batch(step)]
        lr = learning_rate(step, options)
        loss, norm = loop.step(chains, lr)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise DivergedError(f"{run}: loss {loss} and gradient norm {norm} at step {step + 1}; lower train.lr")
        position.step = step + 1
        position.tokens += sum(network.tokens_of(len(chain)) for chain in chains)
        position.losses.append(loss)
        if position.step % options.validate_every == 0 or position.step == options.steps:
            train_loss = sum(position.losses) / len(position.losses)
            val_loss, val_mae = loop.validate(validation)
            position.history.append(
                {
                    "step": position.step, "epoch": sampler.epoch(step), "lr": lr, "train_loss": train_loss,
                    "grad_norm": norm, "val_loss": val_loss, "val_mae": val_mae, "tokens": position.tokens,
                }
            )  # fmt: skip
            position.losses = []
            said = "no chain" if val_loss is None else f"loss {val_loss:.4f}"
            said += "" if val_mae is None else f", distance error {val_mae:.2f} A"
            logging.info("%s, step %d: training loss %.4f; validation: %s", run, position.step, train_loss, said)
        if accelerator.is_main_process:
            meter.step(note=f"loss {loss:.4f}")
        late = options.max_minutes is not None and loop.anyone(time.monotonic() - began > 60 * options.max_minutes)
        if (position.step % options.checkpoint_every == 0 or late) and position.step < options.steps:
            if accelerator.is_main_process:
                checkpoint.save(work, position, network, optimizer)
            if late:
                logging.warning("train.max_minutes is over at step %d; start again to go on", position.step)
                sys.exit(RESUME_ME)
    meter.close()
    return network, tokenizer, position.history


class _Loop:
    """One optimiser step, and validation."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: Optimizer,
        config: RunConfig,
        tokenizer: ResidueTokenizer,
    ):
        self.accelerator, self.model, self.optimizer = accelerator, model, optimizer
        self.config, self.tokenizer = config, tokenizer
        self.network: SlotNetwork = accelerator.unwrap_model(model)

    def step(self, chains: list[ChainRecord], lr: float) -> tuple[float, float]:
        """Take one optimiser step on the chains of all processes; return its loss and its gradient norm.

        The loss is the mean over the chains of the step, however they are shared and cut.
        """
        accelerator = self.accelerator
        pieces = share(
            range(len(chains)),
            accelerator.process_index,
            accelerator.num_processes,
            self.config.train.gradient_accumulation,
        )
        self.model.train()
        total = torch.zeros((), device=accelerator.device)
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            with nullcontext() if last else accelerator.no_sync(self.model):
                batch = self._batch([chains[index] for index in piece])
                with accelerator.autocast():
                    output = self.model(batch)
                # DistributedDataParallel averages gradients over processes, hence their number as a factor.
                loss = self.network.loss(output, batch).sum() / len(chains)
                accelerator.backward(loss * accelerator.num_processes)
                total += loss.detach()
        norm = accelerator.clip_grad_norm_(self.model.parameters(), self.config.train.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(accelerator.reduce(total)), float(norm)

    @torch.no_grad()
    def validate(self, chains: list[ChainRecord]) -> tuple[float | None, float | None]:
        """Return the mean loss and the mean distance error (angstrom) over chains, or None without chains.

        The error is None too where a pass gives no distances, as of a text that would have to be written first.
        Every process does the same work: the validation set is small, and nothing has to be gathered.
        """
        if not chains:
            return None, None
        self.network.eval()
        size = max(1, self.config.train.batch_size // self.accelerator.num_processes)
        ordered = sorted(chains, key=len)
        losses, errors = [], []
        for start in range(0, len(ordered), size):
            batch = self._batch(ordered[start : start + size])
            with self.accelerator.autocast():
                output = self.network(batch)
            losses.append(self.network.loss(output, batch))
            errors.append(masked_mean((output.point - batch.distances).abs(), batch.observed_pairs))
        error = float(torch.cat(errors).mean())
        return float(torch.cat(losses).mean()), error if math.isfinite(error) else None

    def anyone(self, flag: bool) -> bool:
        """Return whether `flag` is set in any process; clocks differ, and all must stop at the same step."""
        return bool(self.accelerator.reduce(torch.tensor(float(flag), device=self.accelerator.device)))

    def _batch(self, chains: list[ChainRecord]) -> Batch:
        return collate(chains, [self.tokenizer.encode(chain.sequence) for chain in chains]).to(self.accelerator.device)


def learning_rate(step: int, options: TrainConfig) -> float:
    """Return the learning rate of a step (from 0): a linear rise, then a cosine down to a hundredth of the peak."""
    warm = max(1, round(options.warmup * options.steps))
    if step < warm:
        return options.lr * (step + 1) / warm
    done = (step - warm) / max(1, options.steps - warm)
    return options.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def _save(
    run: str,
    network: SlotNetwork,
    tokenizer: ResidueTokenizer,
    config: RunConfig,
    history: list[dict[str, Any]],
    files: TrainingFiles,
) -> None:
    shutil.rmtree(files.model, ignore_errors=True)
    save_network(network, tokenizer, config, files.model)
    with atomic(files.model / "config.json") as temporary:
        temporary.write_text(config.model_dump_json(indent=1, exclude=LATER) + "\n", encoding="utf-8")
    write_rows(files.history, HISTORY, ({"run": run} | row for row in history))
    write_json(
        files.manifest,
        {
            "run": run,
            "slot_token": {"token": SLOT, "id": tokenizer.slot_id},
            "steps": history[-1]["step"] if history else 0,
            "backbone": file_sha256(files.backbone),
            "trained_parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
            "parameters": parameter_count(network),
            "files": directory_hashes(files.model),
        },
    )
    logging.info("saved %s", files.model)


def _fingerprint(config: RunConfig, seed: int, files: TrainingFiles, code: str) -> str:
    inputs = [file_sha256(path) for path in [*files.chains, files.split, files.backbone]]
    settings = config.model_dump_json(exclude={**LATER, "train": {"max_minutes", "checkpoint_every"}})
    return text_sha256(settings, str(seed), code, *inputs)[:16]
