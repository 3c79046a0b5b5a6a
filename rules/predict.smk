# Distances of the scored chains, for each run and shard.
rule predict:
    input:
        **with_folders(backbone=backbone_of, record=under("runs/{run}/model.json")),
        chains=under("data/chains/{shard}.parquet"),
        split=rules.split.output.split,
    output:
        predictions=made("runs/{run}/predictions/{shard}.parquet"),
    log:
        under("logs/predict/{run}/{shard}.log"),
    benchmark:
        under("benchmarks/predict/{run}/{shard}.tsv")
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        **needs("predict"),
    params:
        **stage("predict", network_fingerprint("predict")),
        options=prediction_options,
    message:
        "Predict with {wildcards.run}, shard {wildcards.shard}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
