# All that is made. Snakemake deletes the outputs of a job that failed, and does not miss a file that nobody asks for: the
# report of before would pass for that of now. So everything is asked for.
TABLES = [
    *(f"data/{name}" for name in ("manifest", "chains", "quarantine", "distances")),
    *(f"runs/{run}/{name}" for run in SCORED for name in ("predictions", "traces")),
]
SINGLE = [
    *rules.report.output,
    *([SOURCE_READY] if SOURCE_READY else []),
    *rules.split.output,
    *rules.chirality.output,
    *expand(rules.fit_null.output, null=FITTED),
    *expand(rules.backbone.output.record, backbone=BACKBONES),
    *expand(rules.pretrain.output.record, pretrained=PRETRAINED),
    *expand(rules.pretrain.output.summary, pretrained=PRETRAINED),
    *expand(rules.pretrain.output.history, pretrained=PRETRAINED),
    *expand(rules.train.output.record, run=RUNS),
    *expand(rules.train.output.history, run=RUNS),
    *expand(rules.comparator.output.listing, comparator=COMPARATORS),
    *expand(rules.calibrate.output.calibration, run=CALIBRATED),
    *expand(rules.package.output.artefact, run=RUNS),
    *expand(rules.fold_summary.output, run=RUNS, sequences=SEQUENCES),
    *expand(rules.evaluate.output, scored=SCORED),
    *expand(rules.view.output, shown=SHOWN),
]
MADE = [*SINGLE, *(path for table in TABLES for path in shards_of(table))]
FOLDERS = [
    *([rules.demo.output.structures] if SOURCE_READY else []),
    *expand(rules.backbone.output.model, backbone=BACKBONES),
    *expand(rules.pretrain.output.model, pretrained=PRETRAINED),
    *expand(rules.train.output.model, run=RUNS),
    *expand(rules.reconstruct.output.pdb, scored=SCORED, shard=SHARDS),
    *expand(rules.fold.output.folder, run=RUNS, sequences=SEQUENCES, shard=SHARDS),
]
