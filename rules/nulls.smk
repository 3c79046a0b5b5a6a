# Predictors without a model: what each takes from the training chains, and its distances of the scored chains.
rule fit_null:
    input:
        chains=shards_of("data/chains"),
        distances=shards_of("data/distances"),
        split=rules.split.output.split,
    output:
        under("data/{null}.parquet"),
    log:
        under("logs/fit_null/{null}.log"),
    benchmark:
        under("benchmarks/fit_null/{null}.tsv")
    conda:
        ENVIRONMENT
    params:
        chains=flags("--chains", "chains"),
        distances=flags("--distances", "distances"),
        subset=CONFIG.evaluate.subset,
        code=null_fingerprint,
    message:
        "Fit {wildcards.null} to the training chains"
    shell:
        "python -m pipeline fit-null --null {wildcards.null} {params.chains:q} {params.distances:q}"
        " --split {input.split} --subset {params.subset} --threads {threads} --output {output} 2> {log}"


rule predict_null:
    input:
        fitted=rules.fit_null.output,
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        shards_of("runs/{null}/predictions"),
    log:
        under("logs/predict/{null}.log"),
    benchmark:
        under("benchmarks/predict/{null}.tsv")
    conda:
        ENVIRONMENT
    params:
        chains=flags("--chains", "chains"),
        outputs=lambda wildcards, output: [f"--output={path}" for path in output],
        subset=CONFIG.evaluate.subset,
        code=null_fingerprint,
    message:
        "Predict with {wildcards.null}"
    shell:
        "python -m pipeline predict-null --null {wildcards.null} --fitted {input.fitted} {params.chains:q}"
        " --split {input.split} --subset {params.subset} {params.outputs:q} 2> {log}"
