# The settings that rules use, and the paths that they share.
import json
import re

from pydantic import BaseModel

from proteinmtp.base.files import cached_hashes, text_sha256
from proteinmtp.config import PAUSES, RATES, options_json, trainings
from proteinmtp.model.backbone_mistakes import is_pretrained

RESULTS = CONFIG.results
FOLDER = placed(RESULTS)
SEED_OF = {name: CONFIG.seed + place for name, place in trainings(CONFIG.runs).items()}
RUNS = list(SEED_OF)
CALIBRATED = [run for run in RUNS if catalogue.is_decoded_whole(CONFIG.run(run))]
COMPARATORS = {entry.name: entry.folder for entry in CONFIG.comparators}
NULLS = {null.name: null for null in catalogue.nulls(CONFIG)}
FITTED = list(dict.fromkeys(null.fitted for null in NULLS.values()))
SCORED = [*RUNS, *COMPARATORS, *NULLS]
SHOWN = [*(entry.name for entry in CONFIG.runs), *COMPARATORS, *NULLS]
SEQUENCES = {entry.name: entry.file for entry in CONFIG.sequences}
SHARDS = [f"{shard:03d}" for shard in range(CONFIG.parse.shards)]
DRAWN = ("cluster", "uniprot", "random", "members")
"""Methods of the split that draw chains by fractions and seed."""
SHARD_FILES = [f"{shard}.parquet" for shard in SHARDS]


# `run` is what was trained.
CONSTRAINTS = {
    "shard": r"\d{3}",
    "run": "|".join(RUNS) or "-",
    "comparator": "|".join(COMPARATORS) or "-",
    "null": "|".join(NULLS) or "-",
    "scored": "|".join(SCORED),
    "shown": "|".join(SHOWN),
    "sequences": "|".join(SEQUENCES) or "-",
    "backbone": "[0-9a-f]{12}",
    "pretrained": "[0-9a-f]{12}",
}


def under(path):
    """Return a path under the results folder."""
    return f"{RESULTS}/{path}"


def shards_of(folder, suffix=".parquet"):
    """Return the shards in a folder under the results folder."""
    return expand(under(f"{folder}/{{shard}}{suffix}"), shard=SHARDS, allow_missing=True)


def shards(*names):
    """Return inputs: the shards of tables of the data, by name."""
    return {name: shards_of(f"data/{name}") for name in names}


def every(path, **values):
    """Return paths under the results folder, for all values; of `rules` Snakemake expands none that lies in storage."""
    return expand(under(path), **values)


def tables(folder, **files):
    """Return outputs: files of a folder under the results folder, by name."""
    return {name: made(f"{folder}/{file}") for name, file in files.items()}


def made(path):
    """Return a path under the results folder, of an output."""
    return constrained(under(path))


def constrained(paths):
    """Return paths of outputs with what their wildcards may be.

    In them, since constraints that stand elsewhere have no effect on what lies in object storage.
    """
    if not isinstance(paths, str):
        return [constrained(path) for path in paths]
    return re.sub(r"\{(\w+)\}", lambda match: f"{{{match[1]},{CONSTRAINTS[match[1]]}}}", paths)


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


def folder_beside(record):
    """Return an input: the folder of a model beside its record, which tells whether it is another."""
    return ancient(str(Path(record).parent / "model"))


def with_folders(**records):
    """Return inputs: records of models, and beside them their folders, which no flag names."""

    def beside(wildcards):
        paths = [
            record(wildcards) if callable(record) else expand(record, **wildcards)[0] for record in records.values()
        ]
        return [folder_beside(path) for path in paths]

    return {**records, "beside": beside}


def settings_of(run, *unused):
    """Return the settings of a run; unused sections, and what only says when a run pauses, at their defaults."""
    settings = CONFIG.run(run)
    defaults = type(settings)()
    sections = {section: getattr(defaults, section) for section in unused}
    _, backbone = backbone_settings(run)
    return settings.model_copy(update={"backbone": backbone, "train": unpaused(settings.train), **sections})


def source_in_use():
    """Return the settings of the source, with the sections of the other kinds at their defaults."""
    source = CONFIG.source
    kinds = [name for name in type(source).model_fields if name not in ("kind", "options")]
    unused = {name: getattr(type(source)(), name) for name in kinds if name != source.kind}
    return source.model_copy(update=unused)


def split_in_use():
    """Return the settings of the division, with what its method does not use at its default."""
    split = CONFIG.split
    unused = {"table", "year"} - {split.method}
    if split.method not in DRAWN:
        unused |= {"val", "test"}
    return split.model_copy(update={name: getattr(type(split)(), name) for name in unused})


def reconstruct_settings(wildcards):
    """Return the reconstruction settings of a run or null; for comparators, whose traces are taken as they are, none."""
    run = wildcards.scored
    if run in COMPARATORS:
        return options(reconstruct=type(CONFIG.defaults.reconstruct)())
    return options(reconstruct=(CONFIG.run(run) if run in RUNS else NULLS[run]).reconstruct)


def calibration_of(wildcards):
    """Return the calibration of a run, if it has one."""
    run = wildcards.scored if "scored" in wildcards.keys() else wildcards.run
    return [under(f"runs/{run}/calibration.json")] if run in CALIBRATED else []
