# What the report shows of single chains, for each run and each null.
rule view:
    input:
        **shards("chains"),
        predictions=shards_of("runs/{shown}/predictions"),
        traces=shards_of("runs/{shown}/traces"),
        split=rules.split.output.split,
    output:
        views=made("runs/{shown}/views.parquet"),
    log:
        under("logs/view/{shown}.log"),
    benchmark:
        under("benchmarks/view/{shown}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("view"),
    params:
        **stage("view"),
        options=view_options,
    message:
        "Put together views of {wildcards.shown}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
