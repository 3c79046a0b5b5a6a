# Distances of the scored chains, for each run and shard.
rule predict:
    input:
        chains=under("data/chains/{shard}.parquet"),
        split=rules.split.output.split,
        backbone=backbone_of,
        record=rules.train.output.record,
    output:
        predictions=under("runs/{run}/predictions/{shard}.parquet"),
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
        gpu=GPUS["predict"],
    params:
        house=lambda wildcards, input: IN_HOUSE,
        lease=lease_for("predict"),
        options=lambda wildcards: options(
            settings=settings_of(wildcards.run, "reconstruct"),
            subset=CONFIG.evaluate.subset,
        ),
        code=network_fingerprint("predict"),
    message:
        "Predict with {wildcards.run}, shard {wildcards.shard}"
    shell:
        "{params.house} {params.lease} python -m pipeline predict --options {params.options:q} --chains {input.chains:q} --split {input.split:q}"
        " --backbone {input.backbone:q} --record {input.record:q} --predictions {output.predictions:q} 2> {log:q}"
