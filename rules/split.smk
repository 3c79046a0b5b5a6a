# Which chains are for training, validation and test.
SPLIT_TABLE = ""
if CONFIG.split.method == "table":
    from proteinmtp.tables.subset_table import table_digest

    with one_line():
        SPLIT_TABLE = table_digest(CONFIG.split.table)


rule split:
    input:
        chains=shards_of("data/chains"),
        quarantine=shards_of("data/quarantine"),
    output:
        split=under("data/split.parquet"),
        relatives=under("data/relatives.parquet"),
        summary=under("data/split.json"),
    log:
        under("logs/split/split.log"),
    benchmark:
        under("benchmarks/split/split.tsv")
    conda:
        ENVIRONMENT
    threads: 2
    params:
        stage=stage,
        chains=shards_in("chains"),
        quarantine=shards_in("quarantine"),
        options=lambda wildcards: options(split=CONFIG.split, seed=CONFIG.seed),
        table=SPLIT_TABLE,
        code=fingerprint("split"),
    message:
        "Split chains into train, val and test"
    shell:
        "{params.stage} split --chains {params.chains:q} --quarantine {params.quarantine:q} --options {params.options:q}"
        " --threads {threads} --split {output.split:q} --relatives {output.relatives:q}"
        " --summary {output.summary:q} 2> {log:q}"
