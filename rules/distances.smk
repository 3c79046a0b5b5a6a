# C-alpha distances of each chain.
rule distances:
    input:
        chains=rules.parse.output.chains,
    output:
        distances=made("data/distances/{shard}.parquet"),
    log:
        under("logs/distances/{shard}.log"),
    benchmark:
        under("benchmarks/distances/{shard}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("distances"),
    params:
        **stage("distances"),
    message:
        "Compute distances, shard {wildcards.shard}"
    shell:
        "{params.command} 2> {log:q}"
