# C-alpha distances of each chain.
rule distances:
    input:
        chains=rules.parse.output.chains,
    output:
        distances=under("data/distances/{shard}.parquet"),
    log:
        under("logs/distances/{shard}.log"),
    benchmark:
        under("benchmarks/distances/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        code=fingerprint("distances"),
    message:
        "Compute distances, shard {wildcards.shard}"
    shell:
        "{params.stage} distances --chains {input.chains:q} --distances {output.distances:q} 2> {log:q}"
