"""What a job of the workflow needs of a machine, from the size of its data: memory and time, for who reserves them.

The figures of the stages stand in docs/cluster.md, with which of them were measured, on two cores without a GPU, and
which are estimates; `SAFETY` lies on top.
Of what trains and predicts with a network, the memory is the planner's.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from proteinmtp.base.files import atomic, text_sha256
from proteinmtp.config import LoopConfig, RunConfig, options_json, processes_of_a_node
from proteinmtp.tables.sizes import ChainSizes

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: what a job reserves changes no result."""

SAFETY = 1.5
"""What is reserved, over what was measured."""
ROUNDED = 100
"""Megabytes to a multiple of which memory is rounded up."""
LEAST_MINUTES = 10
"""For starting on a node of a cluster and on a file system that are busy."""
RATE = {False: 5e9, True: 1.5e13}
"""Floating point operations of training in a second that a CPU, and a GPU, do at least."""


@dataclass(frozen=True)
class JobNeeds:
    """What a job needs: peak memory in megabytes of 10^6 bytes, and minutes."""

    megabytes: int
    minutes: int


@dataclass(frozen=True)
class StageCost:
    """What a stage needs, measured or estimated.

    Attributes:
        program: megabytes of the process with what it imports and holds anyway.
        square: megabytes for 10^6 squared residues of the longest chain.
        thousand: megabytes for 1,000 chains that the job reads.
        seconds: for each chain that the job reads.
    """

    program: int
    square: int = 0
    thousand: int = 0
    seconds: float = 0.0


COSTS = {
    "demo": StageCost(program=200),
    "manifest": StageCost(program=150, thousand=1, seconds=0.1),
    "parse": StageCost(program=240, seconds=0.1),
    "distances": StageCost(program=340, square=300, seconds=0.05),
    "split": StageCost(program=1100, thousand=20, seconds=0.5),
    "backbone": StageCost(program=450),
    "pretrain": StageCost(program=1000, square=4000),
    "train": StageCost(program=1200, square=12_500),
    "predict": StageCost(program=700, square=2200, seconds=2),
    "comparator": StageCost(program=400, square=300, seconds=0.5),
    "fit_null": StageCost(program=650, square=2500, seconds=0.5),
    "predict_null": StageCost(program=450, square=5000, seconds=0.5),
    "chirality": StageCost(program=350, seconds=0.05),
    "calibrate": StageCost(program=650, square=1100, seconds=2),
    "reconstruct": StageCost(program=420, square=2100, seconds=5),
    "package": StageCost(program=400),
    "fold": StageCost(program=900, square=5000, seconds=5),
    "fold_summary": StageCost(program=200, seconds=0.01),
    "evaluate": StageCost(program=640, square=500, seconds=1),
    "view": StageCost(program=500, square=500, seconds=0.5),
    "report": StageCost(program=700, thousand=200, seconds=0.5),
    "provenance": StageCost(program=200),
}
"""What each stage needs, by its name."""


@dataclass(frozen=True)
class NetworkNeeds:
    """What a process needs with the network of a run.

    Attributes:
        training, pretraining: main memory of training on a CPU, megabytes; of the second all weights are trained.
        inference: main memory of prediction, megabytes.
        loading: main memory that weights pass through on their way to a GPU, megabytes.
        operations: of training with one chain, floating point.
    """

    training: int
    inference: int
    pretraining: int
    loading: int
    operations: float


NETWORK_FIELDS = tuple(field.name for field in fields(NetworkNeeds))
"""In the names of files, so that one with other fields is never read."""


def job_needs(stage: str, sizes: ChainSizes) -> JobNeeds:
    """Return what a job of a stage needs that reads so many chains, without a network.

    Raises:
        KeyError: if there is no such stage.
    """
    cost = COSTS[stage]
    megabytes = cost.program + cost.square * sizes.longest**2 / 1e6 + cost.thousand * sizes.chains / 1000
    return JobNeeds(_rounded(megabytes), _minutes(cost.seconds * sizes.chains))


def training_needs(stage: str, loop: LoopConfig, network: NetworkNeeds, sizes: ChainSizes) -> JobNeeds:
    """Return what a job needs, on each of its nodes, that trains a run or pretrains the backbone of one.

    Pretraining counts as many operations for a chain as training; it has no slots, so it has no more.

    Parameters:
        stage: train or pretrain.
        loop: its settings.
        network: of the run.
        sizes: of the chains that it reads.
    """
    each = network.training if stage == "train" else network.pretraining
    if loop.gpus:
        each = network.loading
    each = max(each, COSTS[stage].program)
    steps = loop.steps if loop.epochs is None else math.ceil(loop.epochs * sizes.chains / loop.batch_size)
    seconds = steps * loop.batch_size * network.operations / RATE[loop.gpus > 0]
    return JobNeeds(_rounded(each * processes_of_a_node(loop)), _minutes(seconds))


def granted(needs: JobNeeds, *, attempt: int, max_minutes: float | None = None) -> JobNeeds:
    """Return what a job is given at an attempt: as many times its needs, and no more time than it takes by itself.

    Parameters:
        needs: of the job.
        attempt: from 1 on.
        max_minutes: after which it stops by itself to go on at the next attempt; None: it does not.
    """
    minutes = attempt * needs.minutes
    if max_minutes is not None:
        minutes = min(minutes, LEAST_MINUTES + math.ceil(max_minutes))
    return JobNeeds(attempt * needs.megabytes, minutes)


def prediction_needs(stage: str, network: NetworkNeeds, sizes: ChainSizes) -> JobNeeds:
    """Return what a job of a stage needs that predicts with the network of a run."""
    return JobNeeds(_rounded(network.inference), job_needs(stage, sizes).minutes)


def network_needs(config: RunConfig, *, longest: int, kept: Path) -> NetworkNeeds:
    """Return what the planner says of a run; it takes seconds, so what it said is kept in a folder.

    Parameters:
        config: of the run.
        longest: residues of the longest chain.
        kept: folder; files of other settings stay.

    Raises:
        UserError: if the run cannot be planned, for example because its backbone is not there yet.
    """
    path = kept / f"{text_sha256(options_json(config), str(longest), *NETWORK_FIELDS)[:16]}.json"
    if path.is_file():
        return NetworkNeeds(**json.loads(path.read_text(encoding="utf-8")))
    needs = _planned(config, longest)
    kept.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(asdict(needs)), encoding="utf-8")
    return needs


def _planned(config: RunConfig, longest: int) -> NetworkNeeds:
    from proteinmtp.planning.plan import PRETRAINING, device_for, plan_run

    plan = plan_run("", config, length=longest, device=device_for(config, 1))
    loading = 4 * plan.parameters
    memory = {
        "training": plan.training,
        "inference": loading if plan.gpu else plan.inference,
        "pretraining": plan.training + PRETRAINING * (plan.parameters - plan.trainable),
        "loading": loading,
    }
    return NetworkNeeds(
        **{name: round((size + plan.program) / 1e6) for name, size in memory.items()},
        operations=6.0 * plan.parameters * plan.tokens,
    )


def _rounded(megabytes: float) -> int:
    return math.ceil(megabytes * SAFETY / ROUNDED) * ROUNDED


def _minutes(seconds: float) -> int:
    return LEAST_MINUTES + math.ceil(seconds * SAFETY / 60)
