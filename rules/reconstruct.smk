# Distances to coordinates.
rule reconstruct:
    input:
        predictions=under("runs/{scored}/predictions/{shard}.parquet"),
        chains=under("data/chains/{shard}.parquet"),
        hand=rules.chirality.output.hand,
        calibration=calibration_of,
    output:
        traces=made("runs/{scored}/traces/{shard}.parquet"),
        pdb=directory(made("runs/{scored}/pdb/{shard}")),
    log:
        under("logs/reconstruct/{scored}/{shard}.log"),
    benchmark:
        under("benchmarks/reconstruct/{scored}/{shard}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("reconstruct"),
    params:
        **stage("reconstruct"),
        options=reconstruct_settings,
    message:
        "Rebuild coordinates of {wildcards.scored}, shard {wildcards.shard}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
