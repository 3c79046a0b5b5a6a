# ProteinMTP: from structure files to a report. `snakemake -j N` makes everything; config.yaml is the file to edit.
from pathlib import Path

from snakemake.utils import min_version

from proteinmtp.base import gpus
from proteinmtp.base.errors import ConfigError, UserError, one_line
from proteinmtp.base.lock import hold
from proteinmtp.base.yaml_file import read_yaml
from proteinmtp.predictors.catalogue import check_backbones, check_results, parse_config

min_version("9.24")


# Of `snakemake --report`, beside what rules register.
report: "workflow/report/workflow.rst"


# A mistake ends before any job, in its own words, and names no place in this code.
HOUSE = workflow.current_basedir.get_path_or_uri(secret_free=True)
with one_line():
    if not Path(HOUSE).is_dir():
        raise UserError(
            f"The stages lie beside {HOUSE}/Snakefile: clone the repository and name the Snakefile in it"
        )

# The configuration of the checkout, or of the folder where snakemake is started if nothing else is given; started from
# a folder without one, everything has its default.
OWN_CONFIG = Path("config.yaml").is_file() and (
    Path(HOUSE).samefile(".") or not workflow.overwrite_configfiles
)
CONFIG_FILES = [
    *(["config.yaml"] if OWN_CONFIG else []),
    *workflow.overwrite_configfiles,
]

# Snakemake would take of two keys the last, and names no file where it cannot read one.
with one_line():
    for path in [] if workflow.modifier.skip_configfile else CONFIG_FILES:
        read_yaml(Path(path))

if OWN_CONFIG:

    configfile: "config.yaml"


with one_line():
    try:
        CONFIG = parse_config(config)
        check_backbones(CONFIG)
        check_results(Path(CONFIG.results), Path(HOUSE))
    except ConfigError as error:
        files = ", ".join(map(str, CONFIG_FILES)) or "of the command line"
        raise ConfigError(f"the configuration {files} has a mistake:\n{error}")

# As a module, what the other workflow asks for stays its target.
IS_TARGET = workflow.default_target is None


include: "rules/common.smk"
include: "rules/demo.smk"
include: "rules/manifest.smk"
include: "rules/parse.smk"
include: "rules/distances.smk"
include: "rules/split.smk"
include: "rules/backbone.smk"
include: "rules/pretrain.smk"
include: "rules/train.smk"
include: "rules/predict.smk"
include: "rules/comparator.smk"
include: "rules/fit_null.smk"
include: "rules/predict_null.smk"
include: "rules/chirality.smk"
include: "rules/calibrate.smk"
include: "rules/reconstruct.smk"
include: "rules/package.smk"
include: "rules/fold.smk"
include: "rules/fold_summary.smk"
include: "rules/evaluate.smk"
include: "rules/view.smk"
include: "rules/report.smk"


# Two workflows that write into one folder would undo each other's work. The lock ends with this process, also if it is
# killed, so nobody has to unlock anything. What GPUs the nodes of a cluster have, their scheduler knows.
onstart:
    with one_line():
        workflow.results_lock = hold(Path(placed(RESULTS)))
        if workflow.local_exec:
            needed = [
                GPUS[job.rule.name](job.wildcards)
                for job in workflow.dag.needrun_jobs()
                if job.rule.name in GPUS
            ]
            if any(needed):
                gpus.check(max(needed), gpus.visible_gpus())


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
        expand(rules.fit_null.output, null=FITTED),
        expand(rules.backbone.output.record, backbone=BACKBONES),
        expand(rules.pretrain.output.record, pretrained=PRETRAINED),
        expand(rules.pretrain.output.summary, pretrained=PRETRAINED),
        expand(rules.pretrain.output.history, pretrained=PRETRAINED),
        expand(rules.train.output.record, run=RUNS),
        expand(rules.train.output.history, run=RUNS),
        expand(
            under("runs/{run}/predictions/{shard}.parquet"), run=SCORED, shard=SHARDS
        ),
        expand(rules.comparator.output.listing, run=COMPARATORS),
        expand(rules.calibrate.output.calibration, run=CALIBRATED),
        expand(rules.package.output.artefact, run=RUNS),
        expand(rules.fold_summary.output, run=RUNS, sequences=SEQUENCES),
        expand(rules.reconstruct.output.traces, run=SCORED, shard=SHARDS),
        expand(rules.evaluate.output, run=SCORED),
        expand(rules.view.output, run=SHOWN),


# The scores of the nulls alone, without a model.
rule nulls:
    input:
        expand(rules.evaluate.output.metrics, run=NULLS),


onsuccess:
    if Path(rules.report.output.html).exists():
        page = rules.report.output.html
        logger.info(f"Report: {page}", extra={"report": page})


onerror:
    logger.info(
        f"Something failed; the logs of the jobs are under {RESULTS}/logs. What is done is kept: start again to go on."
    )
