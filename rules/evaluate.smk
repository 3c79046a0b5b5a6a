# Scores of each run and each null against the experiment, by the same code.
rule evaluate:
    input:
        predictions=shards_of("runs/{run}/predictions"),
        structures=shards_of("runs/{run}/structures"),
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        metrics=under("runs/{run}/metrics.parquet"),
        examples=under("runs/{run}/examples.parquet"),
    log:
        under("logs/evaluate/{run}.log"),
    benchmark:
        under("benchmarks/evaluate/{run}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        predictions=shards_in("predictions"),
        structures=shards_in("structures"),
        chains=shards_in("chains"),
        code=fingerprint("evaluate"),
    message:
        "Score {wildcards.run}"
    shell:
        "{params.stage} evaluate --run {wildcards.run} --predictions {params.predictions}"
        " --structures {params.structures} --chains {params.chains} --split {input.split}"
        " --metrics {output.metrics} --examples {output.examples} 2> {log}"
