# Structure files to chains, or to quarantine rows with a reason.
rule parse:
    input:
        manifest=rules.manifest.output.manifest,
    output:
        chains=under("data/chains/{shard}.parquet"),
        quarantine=under("data/quarantine/{shard}.parquet"),
    log:
        under("logs/parse/{shard}.log"),
    benchmark:
        under("benchmarks/parse/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        options=lambda wildcards: options(parse=CONFIG.parse),
        code=fingerprint("parse"),
    message:
        "Parse structures, shard {wildcards.shard}"
    shell:
        "{params.stage} parse --options {params.options:q} --manifest {input.manifest:q}"
        " --chains {output.chains:q} --quarantine {output.quarantine:q} 2> {log:q}"
