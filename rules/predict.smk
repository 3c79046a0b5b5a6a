# Distances of the scored chains, for each run and shard.
rule predict:
    input:
        chains=under("data/chains/{shard}.parquet"),
        split=rules.split.output.split,
        backbone=backbone_of,
        manifest=rules.train.output.manifest,
    output:
        under("runs/{run}/predictions/{shard}.parquet"),
    log:
        under("logs/predict/{run}/{shard}.log"),
    benchmark:
        under("benchmarks/predict/{run}/{shard}.tsv")
    wildcard_constraints:
        run="|".join(RUNS),
    conda:
        ENVIRONMENT
    threads: lambda wildcards: CONFIG.run(wildcards.run).train.threads
    resources:
        gpu=lambda wildcards: min(1, CONFIG.run(wildcards.run).train.gpus),
    params:
        options=run_options("reconstruct"),
        subset=CONFIG.evaluate.subset,
        code=network_fingerprint("proteinmtp.predictors.network"),
    message:
        "Predict with {wildcards.run}, shard {wildcards.shard}"
    shell:
        "python -m pipeline predict --options {params.options:q} --subset {params.subset} --chains {input.chains}"
        " --split {input.split} --backbone {input.backbone} --manifest {input.manifest} --output {output} 2> {log}"
