"""A run's network, its training steps and its predictions on fake tensors, by the code that does the real ones.

Fake tensors are those of the CPU also where a GPU is planned for: PyTorch cannot make others without its CUDA build.
The network itself, heads, losses, LoRA, checkpointing, the training step and AdamW are the real code.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig

from proteinmtp.config.whole import HEADS, BackboneConfig, RunConfig
from proteinmtp.tables.reader import ChainRecord
from proteinmtp.predictors.network import predict_batch
from proteinmtp.model.backbone import BackboneError, bare_model, read_architecture, with_adapter
from proteinmtp.model.batch import collate
from proteinmtp.model.network import SlotNetwork
from proteinmtp.model.tiny import tiny_config
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.planning.quantised import quantise
from proteinmtp.planning.storage import StorageCounter
from proteinmtp.base.plugins import load
from proteinmtp.training.train import _Loop

STEPS = 2
"""Steps until memory repeats itself: the first makes the states of AdamW."""


class NotPlannedError(ValueError):
    """A network whose memory does not follow from the length of its chains."""


@dataclass(frozen=True)
class Frame:
    """Tokens around the residues; `known` says whether the backbone's own tokenizer counted them."""

    prefix: int
    suffix: int
    known: bool


@dataclass(frozen=True)
class Target:
    """What is planned for.

    Attributes:
        gpu: a GPU rather than the CPU.
        dtype: of the frozen weights; bfloat16 also means autocast.
    """

    gpu: bool
    dtype: torch.dtype


def architecture(config: BackboneConfig) -> PreTrainedConfig:
    """Return the backbone's config; of a hub model only config.json is fetched.

    Raises:
        BackboneError: if there is none.
    """
    if config.kind == "tiny":
        return tiny_config(config.tiny)
    if config.kind == "path":
        folder = Path(config.path or "")
        if not (folder / "config.json").is_file():
            raise BackboneError(f"backbone.path: {folder} has no config.json")
        return read_architecture(folder)
    try:
        return AutoConfig.from_pretrained(config.hub.id, revision=config.hub.revision, trust_remote_code=False)
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise BackboneError(
            f"backbone.hub: no config.json of {config.hub.id}@{config.hub.revision}: {reason}"
        ) from error


def frame(config: BackboneConfig, prompt: str) -> Frame:
    """Count the tokens around the residues; without a tokenizer at hand, one for each letter of the prompt and two."""
    if config.kind == "tiny":
        return Frame(len(prompt), 0, True)
    source, revision = (config.path, None) if config.kind == "path" else (config.hub.id, config.hub.revision)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source, revision=revision, local_files_only=True, trust_remote_code=False
        )
        prefix, suffix = ResidueTokenizer(tokenizer).frame(prompt)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return Frame(1 + len(prompt), 1, False)
    return Frame(len(prefix), len(suffix), True)


def shadow_network(
    config: RunConfig, model_config: PreTrainedConfig, around: Frame, dtype: torch.dtype, counter: StorageCounter
) -> SlotNetwork:
    """Return the network on fake tensors, as `build_network` returns the real one; the peak counts from its head on.

    Raises:
        NotPlannedError: if the head brings a network of its own, such as one that writes a text.
    """
    if hasattr(load(HEADS, config.head.kind), "Network"):
        raise NotPlannedError(f"the memory of the head {config.head.kind} depends on what it writes: not planned")
    train = config.train
    full = train.tuning == "full"
    model_config.dtype = torch.float32 if full else dtype
    backbone = bare_model(model_config)
    if train.quantization != "none":
        quantise(backbone, train.quantization, dtype)
    if train.gradient_checkpointing:
        backbone.activation_checkpointing_enable({"use_reentrant": False})
    network = backbone if full else with_adapter(backbone, train)
    counter.allocator.begin()
    return SlotNetwork(network, config, [0] * around.prefix, [0] * around.suffix)


def train_steps(config: RunConfig, network: SlotNetwork, length: int, target: Target) -> None:
    """Take a few training steps on chains of `length` residues.

    Of the pieces of a step two are done: the second, on top of the gradients of the first, is like all that follow.
    """
    options = config.train
    world = max(1, options.gpus)
    chains = min(options.batch_size, piece_size(options.batch_size, options.gradient_accumulation, world) * 2 * world)
    pieces = min(2, options.gradient_accumulation)
    shortened = config.model_copy(update={"train": options.model_copy(update={"gradient_accumulation": pieces})})
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = AdamW(trained, lr=options.lr, weight_decay=options.weight_decay, foreach=target.gpu or None)
    stand_in = cast(Accelerator, _OneProcess(world, target))
    loop = _Loop(stand_in, network, cast(Optimizer, optimizer), shortened, cast(ResidueTokenizer, _Tokens()))
    for _ in range(STEPS):
        loop.step(_chains(chains if pieces == 2 else min(chains, options.batch_size), length), options.lr)


def predict_batches(config: RunConfig, network: SlotNetwork, length: int, target: Target) -> None:
    """Predict two batches of chains of `length` residues; the first prediction lives until the second is there."""
    network.eval()
    members = _chains(config.predict.batch_size, length)
    prediction = None
    for _ in range(STEPS):
        batch = collate(members, [_Tokens().encode(chain.sequence) for chain in members])
        with _gpu_autocast(target.gpu and target.dtype is torch.bfloat16):
            prediction = predict_batch(network, batch, target.dtype)
    del prediction


def piece_size(batch_size: int, accumulation: int, processes: int) -> int:
    """Return the chains that a process holds at once, at most."""
    return math.ceil(math.ceil(batch_size / processes) / max(1, min(accumulation, batch_size // processes)))


class _Tokens:
    def encode(self, sequence: str) -> list[int]:
        return [0] * len(sequence)


class _OneProcess:
    """What the training loop needs of accelerate's `Accelerator`, for one of several processes."""

    process_index = 0
    device = torch.device("cpu")

    def __init__(self, processes: int, target: Target):
        self.num_processes, self.target = processes, target

    def unwrap_model(self, model: nn.Module) -> nn.Module:
        return model

    def no_sync(self, model: nn.Module) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def autocast(self) -> Iterator[None]:
        mixed = self.target.dtype is torch.bfloat16
        with _gpu_autocast(self.target.gpu and mixed), torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            yield

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip_grad_norm_(self, parameters: Any, norm: float) -> Tensor:
        return nn.utils.clip_grad_norm_(parameters, norm)

    def reduce(self, tensor: Tensor) -> Tensor:
        return tensor


@contextmanager
def _gpu_autocast(enabled: bool) -> Iterator[None]:
    """Say that CUDA autocasts, as it would: PEFT asks for that before it converts the inputs of adapters."""
    before = torch.is_autocast_enabled("cuda")
    torch.set_autocast_enabled("cuda", enabled)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", before)


def _chains(number: int, length: int) -> list[ChainRecord]:
    return [ChainRecord("", "A" * length, np.zeros((length, 3), dtype=np.float32)) for _ in range(number)]
