# Distances of the scored chains, for each run and shard; the null goes the same way.
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
        code=lambda wildcards: code_fingerprint(
            "pipeline.inference.predict", head_module(wildcards)
        ),
    message:
        "Predict with {wildcards.run}, shard {wildcards.shard}"
    shell:
        "python -m pipeline predict --options {params.options:q} --subset {params.subset} --chains {input.chains}"
        " --split {input.split} --backbone {input.backbone} --manifest {input.manifest} --output {output} 2> {log}"


rule null_separation:
    input:
        distances=shards_of("data/distances"),
        split=rules.split.output.split,
    output:
        under("data/null_separation.parquet"),
    log:
        under("logs/null_separation.log"),
    benchmark:
        under("benchmarks/null_separation.tsv")
    conda:
        ENVIRONMENT
    params:
        distances=flags("--distances", "distances"),
        code=code_fingerprint("pipeline.inference.null"),
    message:
        "Take the |i-j| null from the training chains"
    shell:
        "python -m pipeline null {params.distances:q} --split {input.split} --output {output} 2> {log}"


rule predict_null_separation:
    input:
        chains=under("data/chains/{shard}.parquet"),
        split=rules.split.output.split,
        null=rules.null_separation.output,
    output:
        under("runs/null_separation/predictions/{shard}.parquet"),
    log:
        under("logs/predict/null_separation/{shard}.log"),
    benchmark:
        under("benchmarks/predict/null_separation/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        subset=CONFIG.evaluate.subset,
        code=code_fingerprint("pipeline.inference.predict"),
    message:
        "Predict with the |i-j| null, shard {wildcards.shard}"
    shell:
        "python -m pipeline predict-null --subset {params.subset} --chains {input.chains} --split {input.split}"
        " --null {input.null} --output {output} 2> {log}"
