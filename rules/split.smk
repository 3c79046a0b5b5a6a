# Which chains are for training, validation and test.
SPLIT_TABLE = ""
if CONFIG.split.method == "table":
    from proteinmtp.tables.subset_table import table_digest

    with one_line():
        SPLIT_TABLE = table_digest(CONFIG.split.table)


rule split:
    input:
        **shards("chains", "quarantine"),
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
    resources:
        **needs("split"),
    params:
        **stage("split"),
        options=split_options,
        table=SPLIT_TABLE,
    message:
        "Split chains into train, val and test"
    shell:
        "{params.command} --options {params.options:q} --threads {threads} 2> {log:q}"
