# What a predictor without a model takes from the training chains.
rule fit_null:
    input:
        chains=shards_of("data/chains"),
        distances=shards_of("data/distances"),
        split=rules.split.output.split,
    output:
        fitted=under("data/{null}.parquet"),
    log:
        under("logs/fit_null/{null}.log"),
    benchmark:
        under("benchmarks/fit_null/{null}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        chains=shards_in("chains"),
        distances=shards_in("distances"),
        options=lambda wildcards: options(
            null=NULLS[wildcards.null].module, subset=CONFIG.evaluate.subset
        ),
        code=null_fingerprint("fit_null"),
    message:
        "Fit {wildcards.null} to the training chains"
    shell:
        "{params.stage} fit_null --options {params.options:q} --chains {params.chains:q} --distances {params.distances:q}"
        " --split {input.split:q} --threads {threads} --fitted {output.fitted:q} 2> {log:q}"
