"""A run's network, its training steps and its predictions on fake tensors, by the code that does the real ones.

Fake tensors are those of the CPU also where a GPU is planned for: PyTorch cannot make others without its CUDA build.
The network itself, heads, losses, LoRA, checkpointing, the training step and AdamW are the real code.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig

from proteinmtp.base.errors import UserError
from proteinmtp.config import BackboneConfig, RunConfig, world_size
from proteinmtp.model.backbone import BackboneError, bare_model, read_architecture, with_adapter
from proteinmtp.model.build import assemble, network_type
from proteinmtp.model.network import Network
from proteinmtp.model.published import published
from proteinmtp.model.slot_network import SlotNetwork
from proteinmtp.model.tiny import tiny_config
from proteinmtp.model.tokens import ResidueTokenizer, TokenizerError
from proteinmtp.planning.allocators import Allocator
from proteinmtp.planning.layers import Stages
from proteinmtp.planning.quantised import cast_no_inputs, quantise
from proteinmtp.planning.storage import StorageCounter
from proteinmtp.predictors.network import batch_of, predict_batch
from proteinmtp.tables.chains import Chain, ChainSequence
from proteinmtp.training.step import TrainingStep


class NotPlannedError(UserError):
    """A network whose memory does not follow from the length of its chains."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Tokens around the residues, in place of a tokenizer; `known` says whether the backbone's own counted them."""

    prefix: int
    suffix: int
    known: bool

    def encode(self, sequence: str) -> list[int]:
        """Return any token for each residue."""
        return [0] * len(sequence)

    def frame(self, prompt: str) -> tuple[list[int], list[int]]:
        """Return any tokens before and after the residues, as many as there are."""
        return [0] * self.prefix, [0] * self.suffix

    def vocabulary(self) -> Mapping[str, int]:
        """Return nothing: no token is known by its name."""
        return {}


TOKENS = Frame(prefix=0, suffix=0, known=True)
"""For the residues, of which every tokenizer makes as many tokens."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is planned for.

    Attributes:
        gpu: a GPU rather than the CPU.
        dtype: of the frozen weights; bfloat16 also means autocast.
    """

    gpu: bool
    dtype: torch.dtype

    @property
    def autocast(self) -> bool:
        """Whether a GPU autocasts."""
        return self.gpu and self.dtype is torch.bfloat16


def architecture(config: BackboneConfig) -> PreTrainedConfig:
    """Return the backbone's config; of a hub model that is not known here only config.json is fetched.

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
    if (model := published(config.hub)) is not None:
        return model.architecture()
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
        return Frame(prefix=len(prompt), suffix=0, known=True)
    if config.kind == "hub" and not prompt and (model := published(config.hub)) is not None:
        return Frame(prefix=model.prefix, suffix=model.suffix, known=True)
    source, revision = (config.path, None) if config.kind == "path" else (config.hub.id, config.hub.revision)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source, revision=revision, local_files_only=True, trust_remote_code=False
        )
        prefix, suffix = ResidueTokenizer(tokenizer).frame(prompt)
    except (TokenizerError, OSError, ValueError, KeyError, AttributeError, TypeError):
        return Frame(prefix=1 + len(prompt), suffix=1, known=False)
    return Frame(prefix=len(prefix), suffix=len(suffix), known=True)


def shadow_network(
    config: RunConfig, model_config: PreTrainedConfig, *, around: Frame, target: Target, counter: StorageCounter
) -> Network[Any]:
    """Return the network on fake tensors, as `build_network` returns the real one; the peak counts from its head on.

    Raises:
        NotPlannedError: if the head's network does not read slots, as one that writes a text.
    """
    if not issubclass(network_type(config.head.kind), SlotNetwork):
        raise NotPlannedError(f"the memory of the head {config.head.kind} depends on what it writes: not planned")
    train = config.train
    full = train.tuning == "full"
    model_config.dtype = torch.float32 if full else target.dtype
    backbone = bare_model(model_config)
    if train.quantization != "none":
        quantise(backbone, train.quantization, target.dtype)
    if train.gradient_checkpointing:
        backbone.activation_checkpointing_enable({"use_reentrant": False})
    tuned = backbone if full else with_adapter(backbone, train)
    if target.autocast:
        cast_no_inputs(tuned)
    counter.allocator.begin()
    return assemble(tuned, config, around)


def train_step(
    config: RunConfig, network: Network[Any], *, length: int, target: Target, stages: Stages | None = None
) -> None:
    """Take a training step on chains of `length` residues that is not the first, and tell `stages` of its last parts.

    Of the pieces of a step two are done: the second, on top of the gradients of the first, is like all that follow.
    """
    options = config.train
    world = world_size(options)
    piece = piece_size(options.batch_size, accumulation=options.gradient_accumulation, processes=world)
    chains = min(options.batch_size, piece * 2 * world)
    pieces = min(2, options.gradient_accumulation)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = AdamW(trained, lr=options.lr, weight_decay=options.weight_decay, foreach=target.gpu or None)
    _make_states(optimizer, trained)
    if stages is not None:
        optimizer.register_step_pre_hook(stages.before_step)
    step = TrainingStep(
        _OneProcess(world, target, stages),
        model=network,
        optimizer=optimizer,
        options=options.model_copy(update={"gradient_accumulation": pieces}),
        tokens=TOKENS,
    )
    step.take(_chains(chains, length), options.lr)


def _make_states(optimizer: Optimizer, trained: Iterable[nn.Parameter]) -> None:
    """Make the states of the optimiser, as a first step does, without what else belongs to a step."""
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()


def predict(config: RunConfig, network: Network[Any], *, length: int, target: Target, allocator: Allocator) -> int:
    """Predict a batch of chains of `length` residues, and return the bytes that `allocator` holds for the prediction.

    They live until the prediction of the next batch is there, and so come on top of the peak of every batch.
    """
    network.eval()
    members = [ChainSequence("", "A" * length)] * config.predict.batch_size
    with _gpu_autocast(target.autocast):
        prediction = predict_batch(network, batch_of(members, TOKENS), target.dtype)
    held = allocator.now
    del prediction
    return held - allocator.now


def piece_size(batch_size: int, *, accumulation: int, processes: int) -> int:
    """Return the chains that a process holds at once, at most."""
    return math.ceil(math.ceil(batch_size / processes) / max(1, min(accumulation, batch_size // processes)))


class _OneProcess:
    """One of several processes; see `proteinmtp.training.step.Processes`."""

    process_index = 0
    device = torch.device("cpu")

    def __init__(self, processes: int, target: Target, stages: Stages | None):
        self.num_processes, self.target, self.stages = processes, target, stages

    def unwrap_model(self, model: nn.Module) -> nn.Module:
        return model

    def no_sync(self, model: nn.Module) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def autocast(self) -> Iterator[None]:
        mixed = self.target.dtype is torch.bfloat16
        with _gpu_autocast(self.target.autocast), torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            yield

    def backward(self, loss: Tensor) -> None:
        torch.autograd.backward(loss)

    def clip_grad_norm_(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        if self.stages is not None:
            self.stages.before_clipping()
        return nn.utils.clip_grad_norm_(parameters, max_norm)

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


def _chains(number: int, length: int) -> list[Chain]:
    return [Chain("", "A" * length, np.zeros((length, 3), dtype=np.float32)) for _ in range(number)]
