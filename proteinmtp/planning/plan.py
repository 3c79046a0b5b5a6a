"""What a run will need, before it is started: parameters, tokens, memory of training and prediction, size on disk.

The memory of tensors is counted on fake ones (`proteinmtp.planning.shadow`). What a device takes beyond that is added
as constants below, each with where it comes from.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from transformers import PreTrainedConfig

from proteinmtp.config import RunConfig, world_size
from proteinmtp.model.backbone import Architecture, BackboneError, compute_type, numbers_in, parameter_count
from proteinmtp.model.backbone_mistakes import is_pretrained
from proteinmtp.model.build import as_predicted
from proteinmtp.model.network import Network
from proteinmtp.planning.allocators import Allocator, Blocks, Heap
from proteinmtp.planning.layers import Stages, continued, depth, depths_to_trace, with_depth
from proteinmtp.planning.shadow import (
    Frame,
    Target,
    architecture,
    frame,
    piece_size,
    predict,
    shadow_network,
    train_step,
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
PRETRAINING = 16
"""Bytes for each parameter that is trained in float32: it, its gradient and two states of AdamW."""
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

    def as_dict(self) -> Mapping[str, object]:
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
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return available
    return available if limit == "max" else min(available, int(limit) - int(used))


def plan_run(name: str, config: RunConfig, *, length: int, device: Device) -> Plan:
    """Plan one run; no weight is read or made.

    Parameters:
        name: of the run.
        config: of the run.
        length: residues of the longest chain.
        device: from `device_for`.

    Raises:
        BackboneError: if the backbone's config cannot be read.
        NotPlannedError: if memory does not follow from the length.
        UserError: if the network cannot be built, or not for chains of this length.
    """
    job = _Job.of(config, length, device)
    needs = _needs(job)
    held = as_predicted(config)
    later = needs if held == config else _needs(_Job.of(held, length, device))
    train = config.train
    extra = GPU_WORKSPACE if device.gpu else FIRST_USE
    return Plan(
        run=name,
        parameters=needs.counts["parameters"],
        trainable=needs.counts["trainable"],
        length=length,
        tokens=needs.tokens,
        train_chains=piece_size(
            train.batch_size, accumulation=train.gradient_accumulation, processes=world_size(train)
        ),
        predict_chains=config.predict.batch_size,
        training=needs.peak(needs.training) + needs.counts["exchanged"] + extra,
        inference=later.peak(later.inference) + extra,
        program=PROGRAM,
        artefact=needs.counts["artefact"],
        gpu=device.gpu,
        memory=device.memory,
        notes=job.notes(needs.tokens, needs.counts["parameters"]),
    )


@dataclass(frozen=True, kw_only=True)
class _Needs:
    """What a network needs; memory in bytes.

    Attributes:
        tokens: of the longest chain.
        counts: parameters, and the memory of what stays as it is, the weights among it.
        loading: peaks of loading.
        training, inference: the peak of each stage, beside the weights.
    """

    tokens: int
    counts: Mapping[str, int]
    loading: Mapping[str, int]
    training: Mapping[str, int]
    inference: Mapping[str, int]

    def peak(self, stages: Mapping[str, int]) -> int:
        """Return the peak of loading, or of stages that take so much beside the weights."""
        return max(*self.loading.values(), self.counts["weights"] + max(stages.values()))


def _needs(job: "_Job") -> _Needs:
    """Return what a job's network needs; of many layers that are alike a few are traced."""
    few, *deeper = (_traced(job, layers) for layers in depths_to_trace(job.architecture))
    if not deeper:
        return few
    (more,) = deeper
    on = partial(continued, layers=depth(job.architecture))
    return _Needs(
        tokens=few.tokens,
        counts=on(few.counts, more.counts),
        loading=on(few.loading, more.loading),
        training=on(few.training, more.training),
        inference=on(few.inference, more.inference),
    )


def _traced(job: "_Job", layers: int) -> _Needs:
    """Return what the network of a job needs if its language model has so many layers."""
    config, length, target = job.config, job.length, job.target
    with job.shadow(layers) as shadow:
        network = shadow.network
        allocator = shadow.count(HOLES["training"])
        with Stages(network, layers, allocator) as stages:
            train_step(config, network, length=length, target=target, stages=stages)
            training = stages.peaks()
        allocator = shadow.count(HOLES["inference"])
        with Stages(network, layers, allocator) as stages:
            held = predict(config, network, length=length, target=target, allocator=allocator)
            inference = {stage: peak + held for stage, peak in stages.peaks().items()}
        trained = [p for p in network.parameters() if p.requires_grad]
        counts = {
            "parameters": parameter_count(network),
            "trainable": sum(p.numel() for p in trained),
            "exchanged": sum(p.nbytes for p in trained) if world_size(config.train) > 1 else 0,
            "artefact": _artefact(config, network),
            "weights": shadow.weights.now,
        }
        tokens = network.tokens_of(length)
    return _Needs(tokens=tokens, counts=counts, loading=shadow.loading, training=training, inference=inference)


@dataclass(frozen=True, kw_only=True)
class _Shadow:
    """A network on fake tensors, what loading it takes, and what counts."""

    network: Network[Any]
    loading: Mapping[str, int]
    weights: Allocator
    counter: StorageCounter
    gpu: bool

    def count(self, holes: float) -> Allocator:
        """Begin to count anew, with so many holes in the heap where a CPU is planned for."""
        self.counter.allocator = _blocks(gpu=True) if self.gpu else Heap(holes)
        return self.counter.allocator


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What is planned, and what is known of it before anything is computed."""

    config: RunConfig
    length: int
    device: Device
    architecture: PreTrainedConfig
    around: Frame
    target: Target
    stored: torch.dtype

    @classmethod
    def of(cls, config: RunConfig, length: int, device: Device) -> Self:
        try:
            settings = architecture(config.backbone)
        except ValueError as error:
            raise BackboneError(str(error).splitlines()[0]) from error
        return cls(
            config=config,
            length=length,
            device=device,
            architecture=settings,
            around=frame(config.backbone, config.slots.prompt),
            target=_target(config, device),
            stored=settings.dtype or torch.float32,
        )

    @contextmanager
    def shadow(self, layers: int) -> Iterator[_Shadow]:
        """Give the network with so many layers in its language model; what is computed in the block counts."""
        weights = _blocks(self.device.gpu)
        with counted(weights) as counter:
            architecture = with_depth(self.architecture, layers)
            network = shadow_network(self.config, architecture, around=self.around, target=self.target, counter=counter)
            loading = self._loading(network, weights)
            yield _Shadow(
                network=network,
                loading=loading,
                weights=weights,
                counter=counter,
                gpu=self.device.gpu,
            )

    def notes(self, tokens: int, parameters: int) -> tuple[str, ...]:
        """Return what was assumed, for a longest chain of so many tokens and a network of so many parameters."""
        config, length = self.config, self.length
        around = self.around.prefix + self.around.suffix
        notes = []
        if config.train.gpus and not self.device.gpu:
            notes.append("there is no GPU here, so this is a plan for the CPU; --memory GIB plans for a GPU")
        if is_pretrained(config.backbone) and config.backbone.kind != "tiny":
            least = PRETRAINING * parameters / GIB
            notes.append(
                f"backbone.pretrain, which trains all weights, is not planned; it takes {least:.0f} GiB or more"
            )
        if config.predict.offload:
            notes.append("predict.offload: what of the backbone does not fit the GPU in prediction lies in main memory")
        if not self.around.known:
            notes.append(f"no tokenizer is at hand; {around} tokens around the residues assumed")
        highest = Architecture.of(self.architecture).positions
        needed = tokens if config.slots.positions == "continued" else around + length
        if highest and needed > highest:
            notes.append(f"a chain of {length} residues needs more positions than the {highest} of the backbone")
        if config.head.kind == "equivariant":
            notes.append("the scratch memory of the eigenvectors is not counted: some (L, L) matrices for a chain")
        return tuple(notes)

    def _loading(self, network: Network[Any], weights: Allocator) -> dict[str, int]:
        """Return the peaks of loading, bytes.

        Weights are mapped from their files. On a CPU they stay there, unless they are of another type than needed:
        then both are there while they are converted. A GPU gets the finished network; only quantised layers are made
        on it.
        """
        train = self.config.train
        quantised = train.quantization != "none"
        if self.device.gpu:
            return {"loading": weights.peak if quantised else 0}
        frozen = [p for p in network.backbone.parameters() if not p.requires_grad or train.tuning == "full"]
        if quantised or any(p.dtype != self.stored for p in frozen):
            converted = weights.now + sum(map(numbers_in, frozen)) * self.stored.itemsize
            return {"loading": weights.peak, "conversion": converted}
        return {"loading": weights.now}


def _blocks(gpu: bool) -> Blocks:
    return Blocks(GPU_BLOCK if gpu else 1)


def _target(config: RunConfig, device: Device) -> Target:
    if device.gpu and config.train.precision == "auto" and not torch.cuda.is_available():
        return Target(gpu=True, dtype=torch.bfloat16)
    return Target(gpu=device.gpu, dtype=compute_type(config.train))


def _artefact(config: RunConfig, network: Network[Any]) -> int:
    """Return the bytes of what `save_network` writes: adapter or backbone, head, slot row and the like."""
    full = config.train.tuning == "full"
    backbone = [p for p in network.backbone.parameters() if full or p.requires_grad]
    states = [*network.head.state_dict().values(), *network.own_state().values()]
    return sum(tensor.nbytes for tensor in [*backbone, *states])
