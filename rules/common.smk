# Names, paths and small functions that the rules share.
from proteinmtp.config.whole import (
    HEADS,
    LOSSES,
    NULL_PREFIX,
    NULLS,
    NULLS_PACKAGE,
    options_json,
)
from proteinmtp.base.files import cached_hashes, code_fingerprint, text_sha256
from proteinmtp.base.plugins import module_name
from proteinmtp.structures.sources import PACKAGE as SOURCES
from proteinmtp.structures.sources import SourceError, list_source, shard_digests
from proteinmtp.structures.sources.directory import folder_digest

RESULTS = CONFIG.results
ENVIRONMENT = "../envs/proteinmtp.yaml"
RUNS = [entry.name for entry in CONFIG.runs]
COMPARATORS = {entry.name: entry.folder for entry in CONFIG.comparators}
SCORED = [*RUNS, *COMPARATORS, *NULLS]
SHARDS = [f"{shard:03d}" for shard in range(CONFIG.parse.shards)]


wildcard_constraints:
    shard=r"\d{3}",
    run="|".join(SCORED),
    null="|".join(NULLS),
    backbone="[0-9a-f]{12}",


def under(path):
    """Return a path under the results folder."""
    return f"{RESULTS}/{path}"


def shards_of(folder):
    """Return the shards in a folder under the results folder."""
    return expand(
        under(f"{folder}/{{shard}}.parquet"), shard=SHARDS, allow_missing=True
    )


def flags(flag, name):
    """Return a function that repeats a flag before each input file of that name."""
    return lambda wildcards, input: [f"{flag}={path}" for path in input[name]]


def backbone_key(run):
    """Return the name of a run's backbone folder; runs with equal settings share one."""
    return text_sha256(options_json(CONFIG.run(run).backbone), str(CONFIG.seed))[:12]


def backbone_of(wildcards):
    """Return the backbone manifest of a run."""
    return under(f"backbones/{backbone_key(wildcards.run)}/manifest.json")


def run_options(*unused):
    """Return a function that gives a run's settings as JSON, unused sections at their defaults."""

    def options(wildcards):
        run = CONFIG.run(wildcards.run)
        return options_json(
            run.model_copy(
                update={section: getattr(type(run)(), section) for section in unused}
            )
        )

    return options


def reconstruct_options(wildcards):
    """Return the reconstruction settings of a run, those of the defaults for nulls and comparators, as JSON."""
    if wildcards.run in RUNS:
        return options_json(CONFIG.run(wildcards.run).reconstruction)
    return options_json(CONFIG.defaults.reconstruct)


def network_fingerprint(stage):
    """Return a function that gives the fingerprint of a stage with the head and the losses of a run."""

    def fingerprint(wildcards):
        run = CONFIG.run(wildcards.run)
        losses = [module_name(LOSSES, term.name) for term in run.loss_terms]
        return code_fingerprint(stage, module_name(HEADS, run.head.kind), *losses)

    return fingerprint


def null_fingerprint(wildcards):
    """Return the fingerprint of the code of a null; those of the others do not count."""
    part = f"{NULLS_PACKAGE}.{wildcards.null.removeprefix(NULL_PREFIX)}"
    return code_fingerprint("proteinmtp.predictors.null_stages_", part)
