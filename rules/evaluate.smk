# Scores of each run and each null against the experiment, by the same code.
rule evaluate:
    input:
        **shards("chains"),
        predictions=shards_of("runs/{scored}/predictions"),
        traces=shards_of("runs/{scored}/traces"),
        split=rules.split.output.split,
    output:
        metrics=made("runs/{scored}/metrics.parquet"),
    log:
        under("logs/evaluate/{scored}.log"),
    benchmark:
        under("benchmarks/evaluate/{scored}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("evaluate"),
    params:
        **stage("evaluate"),
    message:
        "Score {wildcards.scored}"
    shell:
        "{params.command} --run {wildcards.scored} 2> {log:q}"
