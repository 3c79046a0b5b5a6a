# Distances of the scored chains from a predictor without a model, which sees their sequences alone.
rule predict_null:
    input:
        **shards("chains"),
        fitted=lambda wildcards: under(f"data/{NULLS[wildcards.null].fitted}.parquet"),
        split=rules.split.output.split,
    output:
        predictions=constrained(shards_of("runs/{null}/predictions")),
    log:
        under("logs/predict_null/{null}.log"),
    benchmark:
        under("benchmarks/predict_null/{null}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("predict_null"),
    params:
        **stage("predict_null", null_fingerprint("predict_null")),
        options=null_options,
    message:
        "Predict with {wildcards.null}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
