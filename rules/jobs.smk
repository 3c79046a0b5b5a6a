# What a job is: its command, the fingerprint of its code, its threads, memory and time.
import math
import os
import shlex
import subprocess

import yaml

from proteinmtp.base.fingerprint import Fingerprints
from proteinmtp.base.plugins import module_name
from proteinmtp.config import processes_of_a_node, world_size
from proteinmtp.model.parts import HEADS, LOSSES
from proteinmtp.planning.jobs import granted, job_needs, network_needs, prediction_needs, training_needs
from proteinmtp.tables.sizes import chain_sizes

ENVIRONMENT = "../envs/proteinmtp.yaml"
FINGERPRINTS = Fingerprints(Path(HOUSE))
LOCK = [
    line
    for name in ("requirements.lock", "requirements-gpu.lock")
    for line in Path(HOUSE, name).read_text(encoding="utf-8").splitlines()
]
TRAINED_WITH = (
    "accelerate",
    "bitsandbytes",
    "peft",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
)
PINS = "\n".join(line for line in LOCK if line.partition("==")[0].strip() in TRAINED_WITH)

# The stages lie beside the Snakefile, wherever snakemake was started; a folder `pipeline` of the user is not taken.
IN_HOUSE = f"PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(HOUSE)}${{PYTHONPATH:+:$PYTHONPATH}}"

TRAINS = {
    "pretrain": lambda wildcards: pretraining(wildcards),
    "train": lambda wildcards: CONFIG.run(wildcards.run).train,
}
"""The settings of the training loop, of the stages that have one."""

GPUS = {
    **{name: lambda wildcards, of=of: of(wildcards).nodes * of(wildcards).gpus for name, of in TRAINS.items()},
    "predict": lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
    "calibrate": lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
    "fold": lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
}
"""How many GPUs a job takes. Its resources may say fewer: Snakemake lowers them to the limit of the profile."""


def stage(name, code=None, **unseen):
    """Return the params of a stage: its command, with a flag for each named input and output, and what its code is.

    What lies beside an input, and is read with it, has no flag. Snakemake does not compare the command: it depends on
    where the checkout and the results lie.

    Parameters:
        name: of the stage.
        code: fingerprint of its code, or a function that gives it; else that of its module alone.
        unseen: more flags, as functions of the wildcards, whose values are not compared either.
    """

    def command(wildcards, input, output):
        files = {**dict(input.items()), **dict(output.items())}
        flags = {flag: value for flag, value in files.items() if flag != "beside"}
        flags |= {flag: value(wildcards) for flag, value in unseen.items()}
        words = [word for flag, value in flags.items() for word in words_of(flag, value)]
        return f"{IN_HOUSE} {started(name, wildcards)} {name} {shlex.join(words)}"

    return {"command": command, "code": code or fingerprint(name)}


def words_of(flag, value):
    """Return a flag of a stage with its value; the shards of a table as FOLDER:COUNT, in their order."""
    listed = not isinstance(value, (str, Path, int))
    values = [str(item) for item in value] if listed else [str(value)]
    if listed and [Path(item).name for item in values] == SHARD_FILES:
        values = [f"{Path(values[0]).parent}:{len(values)}"]
    return [f"--{flag.replace('_', '-')}", *values]


def started(name, wildcards):
    """Return what starts the module `pipeline`: with GPUs of its own, and by accelerate what trains."""
    if name not in TRAINS:
        gpus = GPUS[name](wildcards) if name in GPUS else 0
        return f"python -m proteinmtp.base.gpus {gpus} python -m pipeline" if gpus else "python -m pipeline"
    train = TRAINS[name](wildcards)
    each = f"--gpus {train.gpus}" if train.gpus else f"--processes {train.processes}"
    file = shlex.quote(str(accelerate_file(train)))
    return f"python -m proteinmtp.training.launch --config-file {file} --nodes {train.nodes} {each} pipeline"


PAUSING = {
    "pretrain": {
        "work": lambda wildcards: Path(FOLDER, "work", "pretrain"),
        "fasta": lambda wildcards: pretraining(wildcards).fasta,
        "checkpoint_every": lambda wildcards: pretraining(wildcards).checkpoint_every,
        "max_seconds": lambda wildcards: seconds_of(pretraining(wildcards)),
    },
    "train": {
        "work": lambda wildcards: Path(FOLDER, "work", "train"),
        "checkpoint_every": lambda wildcards: CONFIG.run(wildcards.run).train.checkpoint_every,
        "max_seconds": lambda wildcards: seconds_of(CONFIG.run(wildcards.run).train),
    },
}
"""Stages that accelerate starts: where they keep checkpoints, and when they save and stop, which changes no result."""


def seconds_of(section):
    """Return after how many seconds training stops to be started again; 0: never."""
    return math.ceil(60 * (section.max_minutes or 0))


def threads_of(wildcards):
    """Return the threads of a job with the model of a run."""
    return CONFIG.run(wildcards.run).train.threads


def training_threads(name):
    """Return a function that gives the threads of all processes of a training on one node."""
    return lambda wildcards: TRAINS[name](wildcards).threads * processes_of_a_node(TRAINS[name](wildcards))


def needs(name):
    """Return the resources of a stage: memory and minutes, more with each attempt, and GPUs.

    They follow from the chains that it reads, so they are known when these are there. Training that stops by itself and
    goes on gets no more minutes than it takes.
    """

    def given(wildcards, input, attempt):
        limit = TRAINS[name](wildcards).max_minutes if name in TRAINS else None
        return granted(needs_of(name, wildcards, input), attempt=attempt, max_minutes=limit)

    def memory(wildcards, input, attempt):
        return given(wildcards, input, attempt).megabytes

    def minutes(wildcards, input, attempt):
        return given(wildcards, input, attempt).minutes

    taken = {"gpu": GPUS[name]} if name in GPUS else {}
    return {"mem_mb": memory, "runtime": minutes, **taken, **(several_nodes(name) if name in TRAINS else {})}


def several_nodes(name):
    """Return the resources by which SLURM gives a job more than one node; of a job on one node they are not there.

    The executor runs what has `mpi` in no step of its own, and leaves `srun` to the command; `gres` counts on each node.
    """

    def of_each(value):
        return lambda wildcards: value(TRAINS[name](wildcards)) if TRAINS[name](wildcards).nodes > 1 else None

    return {
        "mpi": of_each(lambda train: "srun"),
        "nodes": of_each(lambda train: train.nodes),
        "tasks": of_each(lambda train: train.nodes),
        "tasks_per_gpu": of_each(lambda train: 0 if train.gpus else None),
        "gres": of_each(lambda train: f"gpu:{train.gpus}" if train.gpus else None),
    }


def needs_of(name, wildcards, input):
    """Return what one job needs; the planner is asked only where somebody reserves memory."""
    tables = [input[table] for table in ("chains", "manifest", "metrics") if table in input.keys()]
    paths = [tables[0]] if tables and isinstance(tables[0], str) else [path for table in tables[:1] for path in table]
    sizes = chain_sizes(map(Path, paths))
    reserved = not workflow.local_exec or "mem_mb" in workflow.global_resources
    if not reserved or name not in ("pretrain", "train", "predict", "calibrate", "fold"):
        return job_needs(name, sizes)
    longest = sizes.longest or CONFIG.parse.max_length
    if name == "pretrain":
        _, (run, *_) = PRETRAINED[wildcards.pretrained]
        if pretraining(wildcards).fasta:
            longest = max(longest, pretraining(wildcards).max_length)
    else:
        run = wildcards.run
    try:
        network = network_needs(
            settings_of(run),
            longest=longest,
            kept=Path(FOLDER, "work", "plans"),
        )
    except UserError as error:
        logger.warning(f"{name} {run}: its memory is not planned ({error})")
        return job_needs(name, sizes)
    if name in TRAINS:
        return training_needs(name, TRAINS[name](wildcards), network, sizes)
    return prediction_needs(name, network, sizes)


def fingerprint(stage, *parts):
    """Return the fingerprint of the code of a stage, and of parts that it loads by name."""
    return FINGERPRINTS.of(f"pipeline.{stage}", *parts)


def network_fingerprint(stage, *more):
    """Return a function that gives the fingerprint of a stage with the network of a run.

    The head, the losses, the versions of what trains and predicts, and what the functions `more` give count.
    """

    def of_run(wildcards):
        run = CONFIG.run(wildcards.run)
        parts = [module_name(LOSSES, term.name) for term in run.loss.terms]
        code = fingerprint(stage, module_name(HEADS, run.head.kind), *parts)
        return text_sha256(code, PINS, *(give(wildcards) for give in more))[:16]

    return of_run


def null_fingerprint(stage):
    """Return a function that gives the fingerprint of a stage with a null; the code of the others does not count."""
    return lambda wildcards: fingerprint(stage, NULLS[wildcards.null].module)


def launched_as(wildcards):
    """Return what accelerate is told about a run, without comments and formatting."""
    return told(TRAINS["train"](wildcards))


def told(train):
    """Return what accelerate is told where training has these settings, without comments and formatting."""
    text = accelerate_file(train).read_text(encoding="utf-8")
    return json.dumps(yaml.safe_load(text), sort_keys=True)


def accelerate_file(train):
    """Return the file that tells accelerate how to start training with these settings."""
    kind = ("multi_" if world_size(train) > 1 else "") + ("gpu" if train.gpus else "cpu")
    return Path(HOUSE, "workflow", "accelerate", f"{kind}.yaml")


def commit_of_house(wildcards):
    """Return the commit of the checkout, and whether files of it were changed since; nothing where git knows none."""
    git = [
        "git",
        "-C",
        HOUSE,
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    # A repository that the checkout only lies in is another one.
    environment = {name: value for name, value in os.environ.items() if name != "GIT_DIR"}
    environment["GIT_CEILING_DIRECTORIES"] = str(Path(HOUSE).resolve().parent)
    try:
        return subprocess.run(git, capture_output=True, text=True, env=environment).stdout.strip()
    except OSError:
        return ""
