"""What a run will need, before it is started: parameters, tokens, memory of training and prediction, size on disk.

The memory of tensors is counted on fake ones (`proteinmtp.planning.shadow`). What a device takes beyond that is added as
constants below, each with where it comes from.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig

from proteinmtp.config.whole import RunConfig
from proteinmtp.model.backbone import BackboneError, compute_type
from proteinmtp.model.network import SlotNetwork
from proteinmtp.planning.allocators import Blocks, Heap
from proteinmtp.planning.quantised import parameter_count
from proteinmtp.planning.shadow import (
    Frame,
    Target,
    architecture,
    frame,
    piece_size,
    predict_batches,
    shadow_network,
    train_steps,
)
from proteinmtp.planning.storage import StorageCounter, counted

GIB = 2**30
MIB = 2**20

FIRST_USE = 48 * MIB
"""Code, tables and buffers of the libraries that come with their first use on a CPU, measured."""
HOLES = {"training": 0.26, "inference": 1.0}
"""Bytes of holes in the heap for each byte in use at the peak of a CPU, measured (docs/planning.md)."""
PROGRAM = 512 * MIB
"""A CPU process that has imported everything and computed nothing, measured; for a GPU about what CUDA itself takes."""
GPU_BLOCK = 512
"""PyTorch hands out GPU memory in multiples of it, bytes."""
GPU_WORKSPACE = 32 * MIB
"""Of cuBLAS on Hopper; less on older GPUs."""


@dataclass(frozen=True)
class Device:
    """What a run is planned for: a GPU or this machine's memory, and how much of it there is, bytes."""

    gpu: bool
    memory: int


@dataclass(frozen=True)
class Plan:
    """What a run needs. Memory is in bytes and for one process.

    Attributes:
        run: name.
        parameters, trainable: numbers in the network, and those of them that are trained.
        length: residues of the longest chain.
        tokens: of that chain.
        train_chains, predict_chains: that a process holds at once.
        training, inference: peak of the tensors and of what computing brings with it. On a CPU the growth of resident
            memory from before the network is built; on a GPU what torch.cuda.max_memory_allocated gives.
        program: what the process takes beside that.
        artefact: size of the saved model, without its tokenizer.
        gpu: whether a GPU is planned for.
        memory: of the device.
        notes: what was assumed.
    """

    run: str
    parameters: int
    trainable: int
    length: int
    tokens: int
    train_chains: int
    predict_chains: int
    training: int
    inference: int
    program: int
    artefact: int
    gpu: bool
    memory: int
    notes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether training and prediction fit the device, each alone."""
        return max(self.training, self.inference) + self.program <= self.memory

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and whether it fits, for JSON."""
        return asdict(self) | {"fits": self.fits}


def device_for(config: RunConfig, memory: float | None) -> Device:
    """Return the device that a run will use here, or the one that is asked about.

    Parameters:
        config: of the run; with train.gpus > 0 it takes a GPU.
        memory: GiB of a device that is not here; None: the GPU of this machine, else what is free of its memory, on
            which a run also trains that asks for a GPU where there is none.
    """
    if memory is not None:
        return Device(config.train.gpus > 0, round(memory * GIB))
    if config.train.gpus > 0 and torch.cuda.is_available():
        return Device(True, torch.cuda.get_device_properties(0).total_memory)
    return Device(False, available_memory())


def available_memory() -> int:
    """Return the bytes of memory that processes can still take here; a control group may allow less than there is."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return found
    return found if limit == "max" else min(found, int(limit) - int(used))


def plan_run(name: str, config: RunConfig, length: int, device: Device) -> Plan:
    """Plan one run; no weight is read or made.

    Parameters:
        name: of the run.
        config: of the run.
        length: residues of the longest chain.
        device: from `device_for`.

    Raises:
        BackboneError: if the backbone's config cannot be read.
        NotPlannedError: if memory does not follow from the length.
        ValueError: if the network cannot be built, or not for chains of this length.
    """
    target = _target(config, device)
    try:
        settings = architecture(config.backbone)
    except ValueError as error:
        raise BackboneError(str(error).splitlines()[0]) from error
    stored = settings.dtype or torch.float32
    around = frame(config.backbone, config.slots.prompt)
    weights = Blocks(GPU_BLOCK if device.gpu else 1)
    with counted(weights) as counter:
        network = shadow_network(config, settings, around, target.dtype, counter)
        needed = _loaded(counter, config, device, network, stored, HOLES["training"])
        train_steps(config, network, length, target)
        training = max(needed, weights.now + counter.allocator.peak)
        trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
        parameters = sum(parameter_count(p) for p in network.parameters())
        artefact = _artefact(config, network)
        if config.train.gpus > 1:
            training += sum(p.nbytes for p in network.parameters() if p.requires_grad)
    weights = Blocks(GPU_BLOCK if device.gpu else 1)
    with counted(weights) as counter:
        network = shadow_network(config, settings, around, target.dtype, counter)
        needed = _loaded(counter, config, device, network, stored, HOLES["inference"])
        predict_batches(config, network, length, target)
        inference = max(needed, weights.now + counter.allocator.peak)
    extra = GPU_WORKSPACE if device.gpu else FIRST_USE
    train = config.train
    return Plan(
        run=name,
        parameters=parameters,
        trainable=trainable,
        length=length,
        tokens=around.prefix + around.suffix + length * (1 if config.slots.kind == "none" else 2),
        train_chains=piece_size(train.batch_size, train.gradient_accumulation, max(1, train.gpus)),
        predict_chains=config.predict.batch_size,
        training=round(training + extra),
        inference=round(inference + extra),
        program=PROGRAM,
        artefact=artefact,
        gpu=device.gpu,
        memory=device.memory,
        notes=_notes(config, settings, around, device, length),
    )


def _target(config: RunConfig, device: Device) -> Target:
    if device.gpu and config.train.precision == "auto" and not torch.cuda.is_available():
        return Target(True, torch.bfloat16)
    return Target(device.gpu, compute_type(config.train))


def _loaded(
    counter: StorageCounter,
    config: RunConfig,
    device: Device,
    network: SlotNetwork,
    stored: torch.dtype,
    holes: float,
) -> int:
    """Return the peak of loading, bytes, and take what follows from the allocator of the device.

    Weights are mapped from their files. On a CPU they stay there, unless they are of another type than needed: then
    both are there while they are converted. A GPU gets the finished network; only quantised layers are made on it.
    """
    weights = counter.allocator
    quantised = config.train.quantization != "none"
    if device.gpu:
        counter.allocator = Blocks(GPU_BLOCK)
        return weights.peak if quantised else 0
    counter.allocator = Heap(holes)
    frozen = [p for p in network.backbone.parameters() if not p.requires_grad or config.train.tuning == "full"]
    if quantised or any(p.dtype != stored for p in frozen):
        return max(weights.peak, weights.now + sum(map(parameter_count, frozen)) * stored.itemsize)
    return weights.now


def _artefact(config: RunConfig, network: SlotNetwork) -> int:
    """Return the bytes of what `save_network` writes: adapter or backbone, head, slot row and the like."""
    full = config.train.tuning == "full"
    backbone = [p for p in network.backbone.parameters() if full or p.requires_grad]
    states = [*network.head.state_dict().values(), *network.own_state().values()]
    return sum(tensor.nbytes for tensor in [*backbone, *states])


def _notes(
    config: RunConfig, settings: PreTrainedConfig, around: Frame, device: Device, length: int
) -> tuple[str, ...]:
    notes = []
    if config.train.gpus and not device.gpu:
        notes.append("there is no GPU here, so this is a plan for the CPU; --memory GIB plans for a GPU")
    if not around.known:
        notes.append(f"no tokenizer is at hand; {around.prefix + around.suffix} tokens around the residues assumed")
    text = settings.get_text_config()
    highest = getattr(text, "max_position_embeddings", None)
    residues = length * (2 if config.slots.kind != "none" and config.slots.positions == "continued" else 1)
    if highest and around.prefix + around.suffix + residues > highest:
        notes.append(f"a chain of {length} residues needs more positions than the {highest} of the backbone")
    if config.head.kind == "equivariant":
        notes.append("the scratch memory of the eigenvectors is not counted: some (L, L) matrices for a chain")
    return tuple(notes)
