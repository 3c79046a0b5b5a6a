# One training job for each run. Checkpoints are not outputs: those of a failed job would be deleted.
rule train:
    input:
        **shards("chains", "distances"),
        **with_folders(backbone=backbone_of),
        split=rules.split.output.split,
    output:
        record=made("runs/{run}/model.json"),
        history=made("runs/{run}/history.parquet"),
        model=directory(made("runs/{run}/model")),
    log:
        under("logs/train/{run}.log"),
    benchmark:
        under("benchmarks/train/{run}.tsv")
    conda:
        ENVIRONMENT
    threads: training_threads("train")
    resources:
        **needs("train"),
    params:
        **stage("train", network_fingerprint("train", launched_as), **PAUSING["train"]),
        options=training_options,
    message:
        "Train {wildcards.run}; progress is in {log}"
    shell:
        "{params.command} --options {params.options:q} --run {wildcards.run} --code {params.code} 2>&1 | tee {log:q}"
