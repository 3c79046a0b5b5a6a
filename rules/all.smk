# All that is made. Snakemake deletes the outputs of a job that failed, and does not miss a file that nobody asks for: the
# report of before would pass for that of now. So everything is asked for.
EVERYTHING = [
    rules.report.output,
    SOURCE_READY,
    [shards_of(f"data/{name}") for name in ("manifest", "chains", "quarantine", "distances")],
    rules.split.output,
    rules.chirality.output,
    expand(rules.fit_null.output, null=FITTED),
    expand(rules.backbone.output.record, backbone=BACKBONES),
    expand(rules.pretrain.output.record, pretrained=PRETRAINED),
    expand(rules.pretrain.output.summary, pretrained=PRETRAINED),
    expand(rules.pretrain.output.history, pretrained=PRETRAINED),
    expand(rules.train.output.record, run=RUNS),
    expand(rules.train.output.history, run=RUNS),
    expand(under("runs/{scored}/predictions/{shard}.parquet"), scored=SCORED, shard=SHARDS),
    expand(rules.comparator.output.listing, comparator=COMPARATORS),
    expand(rules.calibrate.output.calibration, run=CALIBRATED),
    expand(rules.package.output.artefact, run=RUNS),
    expand(rules.fold_summary.output, run=RUNS, sequences=SEQUENCES),
    expand(rules.reconstruct.output.traces, scored=SCORED, shard=SHARDS),
    expand(rules.evaluate.output, scored=SCORED),
    expand(rules.view.output, shown=SHOWN),
]
