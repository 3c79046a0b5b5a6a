# Structure files to chains, or to quarantine rows with a reason.
rule parse:
    input:
        SOURCE_FOLDER,
        manifest=rules.manifest.output.manifest,
    output:
        chains=made("data/chains/{shard}.parquet"),
        quarantine=made("data/quarantine/{shard}.parquet"),
    log:
        under("logs/parse/{shard}.log"),
    benchmark:
        under("benchmarks/parse/{shard}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("parse"),
    params:
        **stage("parse"),
        options=lambda wildcards: options(parse=CONFIG.parse),
    message:
        "Parse structures, shard {wildcards.shard}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
