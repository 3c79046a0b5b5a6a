# Names, paths and small functions that the rules share.
import json
import os
import shlex
import subprocess

import yaml
from pydantic import BaseModel

from proteinmtp.base.files import cached_hashes, text_sha256
from proteinmtp.base.fingerprint import Fingerprints
from proteinmtp.base.plugins import module_name
from proteinmtp.config import PAUSES, options_json, trainings
from proteinmtp.folding.sequences import read_listed, sequences_digest
from proteinmtp.model.backbone_mistakes import is_pretrained
from proteinmtp.model.parts import HEADS, LOSSES
from proteinmtp.predictors import catalogue
from proteinmtp.structures.listing import list_source, shard_digests
from proteinmtp.structures.sources.directory import folder_digest

RESULTS = CONFIG.results
ENVIRONMENT = "../envs/proteinmtp.yaml"
SEED_OF = {name: CONFIG.seed + place for name, place in trainings(CONFIG.runs).items()}
RUNS = list(SEED_OF)
CALIBRATED = [run for run in RUNS if catalogue.is_decoded_whole(CONFIG.run(run))]
COMPARATORS = {entry.name: entry.folder for entry in CONFIG.comparators}
NULLS = {null.name: null for null in catalogue.nulls(CONFIG)}
FITTED = list(dict.fromkeys(null.fitted for null in NULLS.values()))
SCORED = [*RUNS, *COMPARATORS, *NULLS]
SHOWN = [*(entry.name for entry in CONFIG.runs), *COMPARATORS, *NULLS]
SHARDS = [f"{shard:03d}" for shard in range(CONFIG.parse.shards)]
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
PINS = "\n".join(
    line for line in LOCK if line.partition("==")[0].strip() in TRAINED_WITH
)

# The stages lie beside the Snakefile, wherever snakemake was started; a folder `pipeline` of the user is not taken.
IN_HOUSE = (
    f"PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(HOUSE)}${{PYTHONPATH:+:$PYTHONPATH}}"
)


wildcard_constraints:
    shard=r"\d{3}",
    run="|".join(SCORED),
    null="|".join(NULLS) or "-",
    backbone="[0-9a-f]{12}",
    pretrained="[0-9a-f]{12}",


# What depends on where the checkout or the results lie is a function of the input, which Snakemake does not compare.
def stage(wildcards, input):
    """Return the command that runs a stage; its name follows."""
    return f"{IN_HOUSE} python -m pipeline"


GPUS = {
    "pretrain": lambda wildcards: pretraining(wildcards).gpus,
    "train": lambda wildcards: CONFIG.run(wildcards.run).train.gpus,
    "predict": lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
    "calibrate": lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
    "fold": lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
}
"""How many GPUs a job takes. Its resources may say fewer: Snakemake lowers them to the limit of the profile."""


def lease_for(rule):
    """Return a function that gives the command in front of another that gives it GPUs of its own, if it takes any."""

    def command(wildcards):
        count = GPUS[rule](wildcards)
        return f"python -m proteinmtp.base.gpus {count}" if count else ""

    return command


def shards_in(name):
    """Return a function that gives the shards among the inputs of that name as FOLDER:COUNT."""
    return lambda wildcards, input: shards_text(input[name])


def shards_out(wildcards, output):
    """Return the predictions among the outputs as FOLDER:COUNT."""
    return shards_text(output.predictions)


def shards_text(paths):
    """Return the shards of a table, in order, as the stages read them: FOLDER:COUNT."""
    return f"{Path(paths[0]).parent}:{len(paths)}"


def placed(path):
    """Return a path where the `prefix` of a `module:` puts it."""
    return str(workflow.modifier.path_modifier.replace_prefix(path, None))


def under(path):
    """Return a path under the results folder."""
    return f"{RESULTS}/{path}"


def shards_of(folder, suffix=".parquet"):
    """Return the shards in a folder under the results folder."""
    return expand(
        under(f"{folder}/{{shard}}{suffix}"), shard=SHARDS, allow_missing=True
    )


def options(**values):
    """Return settings of a stage as JSON with sorted keys: sections of the config, and single values.

    Rules give them by a function: in a text that stands there as it is, Snakemake would fill in what is in braces.
    """
    return json.dumps(plain(values), sort_keys=True, separators=(",", ":"))


def plain(value):
    """Return sections of the config, also in a dict, as plain values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def named(items):
    """Return name and description of runs, comparators or nulls."""
    return [{"name": item.name, "description": item.description} for item in items]


def fingerprint(stage, *parts):
    """Return the fingerprint of the code of a stage, and of parts that it loads by name."""
    return FINGERPRINTS.of(f"pipeline.{stage}", *parts)


def pretraining(wildcards):
    """Return the settings of the pretraining of a backbone; of runs that share it, the first to pause decides."""
    _, runs = PRETRAINED[wildcards.pretrained]
    every = [CONFIG.run(run).backbone.pretrain for run in runs]
    limits = [one.max_minutes for one in every if one.max_minutes is not None]
    pauses = {
        "checkpoint_every": min(one.checkpoint_every for one in every),
        "max_minutes": min(limits, default=None),
    }
    return every[0].model_copy(update=pauses)


def unpaused(section):
    """Return a section with what only says when training pauses at its defaults."""
    defaults = type(section)()
    return section.model_copy(update={key: getattr(defaults, key) for key in PAUSES})


def backbone_settings(run):
    """Return the settings of a run's backbone as it is before it is pretrained, and as it is after."""
    after = CONFIG.run(run).backbone
    pretrain = unpaused(after.pretrain)
    if is_pretrained(after):
        pretrain = pretrain.model_copy(update={"when": "always"})
    after = after.model_copy(update={"pretrain": pretrain})
    return after.model_copy(update={"pretrain": type(after.pretrain)()}), after


def backbone_key(settings):
    """Return the name of the folder of a backbone; runs with equal settings share one."""
    return text_sha256(options_json(settings), str(CONFIG.seed))[:12]


def backbone_of(wildcards):
    """Return the record of a run's backbone."""
    bare, pretrained = backbone_settings(wildcards.run)
    if is_pretrained(pretrained):
        return under(f"pretrained/{backbone_key(pretrained)}/model.json")
    return under(f"backbones/{backbone_key(bare)}/model.json")


def settings_of(run, *unused):
    """Return the settings of a run; unused sections, and what only says when a run pauses, at their defaults."""
    settings = CONFIG.run(run)
    defaults = type(settings)()
    sections = {section: getattr(defaults, section) for section in unused}
    _, backbone = backbone_settings(run)
    return settings.model_copy(
        update={"backbone": backbone, "train": unpaused(settings.train), **sections}
    )


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


def launched_as(wildcards):
    """Return what accelerate is told about a run, without comments and formatting."""
    return told(GPUS["train"](wildcards))


def told(gpus):
    """Return what accelerate is told where so many GPUs are taken, without comments and formatting."""
    text = accelerate_file(gpus).read_text(encoding="utf-8")
    return json.dumps(yaml.safe_load(text), sort_keys=True)


def accelerate_file(gpus):
    """Return the file that tells accelerate how to start a job with so many GPUs."""
    kind = {0: "cpu", 1: "gpu"}.get(gpus, "multi_gpu")
    return Path(HOUSE, "workflow", "accelerate", f"{kind}.yaml")


def source_in_use():
    """Return the settings of the source, with the sections of the other kinds at their defaults."""
    source = CONFIG.source
    kinds = [
        name for name in type(source).model_fields if name not in ("kind", "options")
    ]
    unused = {
        name: getattr(type(source)(), name) for name in kinds if name != source.kind
    }
    return source.model_copy(update=unused)


def null_fingerprint(stage):
    """Return a function that gives the fingerprint of a stage with a null; the code of the others does not count."""
    return lambda wildcards: fingerprint(stage, NULLS[wildcards.null].module)


def reconstruct_settings(wildcards):
    """Return the reconstruction settings of a run, of a null, or of the defaults for comparators."""
    run = wildcards.run
    of_run = CONFIG.run(run) if run in RUNS else NULLS.get(run, CONFIG.defaults)
    return options(reconstruct=of_run.reconstruct)


def calibration_of(wildcards):
    """Return the calibration of a run, if it has one."""
    run = wildcards.run
    return [under(f"runs/{run}/calibration.json")] if run in CALIBRATED else []


def commit_of_house():
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
    environment = {
        name: value for name, value in os.environ.items() if name != "GIT_DIR"
    }
    environment["GIT_CEILING_DIRECTORIES"] = str(Path(HOUSE).resolve().parent)
    try:
        return subprocess.run(
            git, capture_output=True, text=True, env=environment
        ).stdout.strip()
    except OSError:
        return ""
