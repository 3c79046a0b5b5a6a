# Scores of each run and each null against the experiment, by the same code.
rule evaluate:
    input:
        predictions=shards_of("runs/{run}/predictions"),
        traces=shards_of("runs/{run}/traces"),
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        metrics=under("runs/{run}/metrics.parquet"),
    log:
        under("logs/evaluate/{run}.log"),
    benchmark:
        under("benchmarks/evaluate/{run}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        predictions=shards_in("predictions"),
        traces=shards_in("traces"),
        chains=shards_in("chains"),
        code=fingerprint("evaluate"),
    message:
        "Score {wildcards.run}"
    shell:
        "{params.stage} evaluate --run {wildcards.run} --predictions {params.predictions:q}"
        " --traces {params.traces:q} --chains {params.chains:q} --split {input.split:q}"
        " --metrics {output.metrics:q} 2> {log:q}"
