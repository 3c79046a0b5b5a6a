# ProteinMTP: from structure files to a report. `snakemake -j N` makes everything; config.yaml is the file to edit.
import sys
from pathlib import Path

from snakemake.utils import min_version

from proteinmtp.base.errors import UserError
from proteinmtp.base.lock import hold
from proteinmtp.base.yaml_file import read_yaml
from proteinmtp.predictors.catalogue import check_backbones, parse_config

min_version("9.24")


def stop(error):
    """End before any job, with the words for the person whose mistake it is and no place in this code."""
    print(error, file=sys.stderr)
    sys.exit(1)


HOUSE = workflow.current_basedir.get_path_or_uri(secret_free=True)
if not Path(HOUSE).is_dir():
    stop(
        f"The stages lie beside {HOUSE}/Snakefile: clone the repository and name the Snakefile in it"
    )

# The configuration of the checkout, or of the folder where snakemake is started if nothing else is given; started from
# a folder without one, everything has its default.
CONFIG_FILES = [Path(path) for path in workflow.overwrite_configfiles]
try:
    if Path("config.yaml").is_file() and (
        Path(HOUSE).samefile(".") or not CONFIG_FILES
    ):
        CONFIG_FILES.insert(0, Path("config.yaml"))

    # Snakemake would take of two keys the last, and names no file where it cannot read one.
    for path in CONFIG_FILES:
        read_yaml(path)
    if Path("config.yaml") in CONFIG_FILES[:1]:

        configfile: "config.yaml"

    CONFIG = parse_config(config)
    check_backbones(CONFIG)
except UserError as error:
    files = ", ".join(map(str, CONFIG_FILES)) or "on the command line"
    stop(f"The configuration ({files}) has a mistake:\n{error}")

# As a module, what the other workflow asks for stays its target.
IS_TARGET = workflow.default_target is None


include: "rules/common.smk"
include: "rules/demo.smk"
include: "rules/manifest.smk"
include: "rules/parse.smk"
include: "rules/distances.smk"
include: "rules/split.smk"
include: "rules/backbone.smk"
include: "rules/train.smk"
include: "rules/predict.smk"
include: "rules/comparator.smk"
include: "rules/fit_null.smk"
include: "rules/predict_null.smk"
include: "rules/chirality.smk"
include: "rules/reconstruct.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


# Two workflows that write into one folder would undo each other's work. The lock ends with this process, also if it is
# killed, so nobody has to unlock anything.
onstart:
    try:
        workflow.results_lock = hold(Path(placed(RESULTS)))
    except UserError as error:
        stop(error)


# Snakemake deletes the outputs of a job that failed, and does not miss a file that nobody asks for: the report of
# before would pass for that of now. So everything is asked for.
rule all:
    default_target: IS_TARGET
    input:
        rules.report.output,
        SOURCE_READY,
        [
            shards_of(f"data/{name}")
            for name in ("manifest", "chains", "quarantine", "distances")
        ],
        rules.split.output,
        rules.chirality.output,
        expand(rules.fit_null.output, null=NULLS),
        expand(rules.backbone.output.record, backbone=BACKBONES),
        expand(rules.train.output.record, run=RUNS),
        expand(rules.train.output.history, run=RUNS),
        expand(
            under("runs/{run}/predictions/{shard}.parquet"), run=SCORED, shard=SHARDS
        ),
        expand(rules.comparator.output.listing, run=COMPARATORS),
        expand(rules.reconstruct.output.traces, run=SCORED, shard=SHARDS),
        expand(rules.evaluate.output, run=SCORED),


# The scores of the nulls alone, without a model.
rule nulls:
    input:
        expand(rules.evaluate.output.metrics, run=NULLS),


onsuccess:
    if Path(rules.report.output.html).exists():
        print(f"Report: {rules.report.output.html}")


onerror:
    print(
        f"Something failed; the logs of the jobs are under {RESULTS}/logs. What is done is kept: start again to go on."
    )
