# What a predictor without a model takes from the training chains.
rule fit_null:
    input:
        **shards("chains", "distances"),
        split=rules.split.output.split,
    output:
        fitted=made("data/{null}.parquet"),
    log:
        under("logs/fit_null/{null}.log"),
    benchmark:
        under("benchmarks/fit_null/{null}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("fit_null"),
    params:
        **stage("fit_null", null_fingerprint("fit_null")),
        options=lambda wildcards: options(null=NULLS[wildcards.null].module, subset=CONFIG.evaluate.subset),
    message:
        "Fit {wildcards.null} to the training chains"
    shell:
        "{params.command} --options {params.options:q} --threads {threads} 2> {log:q}"
