# Distances of the scored chains from a predictor without a model, which sees their sequences alone.
rule predict_null:
    input:
        fitted=lambda wildcards: under(f"data/{NULLS[wildcards.null].fitted}.parquet"),
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        predictions=shards_of("runs/{null}/predictions"),
    log:
        under("logs/predict_null/{null}.log"),
    benchmark:
        under("benchmarks/predict_null/{null}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        chains=shards_in("chains"),
        predictions=shards_out,
        options=lambda wildcards: options(
            null=NULLS[wildcards.null].module,
            subset=CONFIG.evaluate.subset,
            points=NULLS[wildcards.null].points,
        ),
        code=null_fingerprint("predict_null"),
    message:
        "Predict with {wildcards.null}"
    shell:
        "{params.stage} predict_null --options {params.options:q} --fitted {input.fitted:q} --chains {params.chains:q}"
        " --split {input.split:q} --predictions {params.predictions:q} 2> {log:q}"
