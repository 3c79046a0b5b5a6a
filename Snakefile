# ProteinMTP: from structure files to a report. `snakemake -j N` makes everything; config.yaml is the file to edit.
from pathlib import Path

from proteinmtp.base.errors import UserError, one_line


report: "workflow/report/workflow.rst"


# A mistake ends before any job, in its own words, and names no place in this code.
HOUSE = workflow.current_basedir.get_path_or_uri(secret_free=True)
with one_line():
    if not Path(HOUSE).is_dir():
        raise UserError(f"The stages lie beside {HOUSE}/Snakefile: clone the repository and name the Snakefile in it")


include: "rules/config.smk"
include: "rules/common.smk"
include: "rules/jobs.smk"
include: "rules/options.smk"
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
include: "rules/all.smk"
include: "rules/provenance.smk"
include: "rules/ends.smk"


rule all:
    default_target: IS_TARGET
    input:
        *ASKED,
        rules.provenance.output,


# The scores of the nulls alone, without a model.
rule nulls:
    input:
        every("runs/{null}/metrics.parquet", null=NULLS),
