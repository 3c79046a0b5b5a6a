# Distances to coordinates.
rule reconstruct:
    input:
        predictions=under("runs/{run}/predictions/{shard}.parquet"),
        chains=under("data/chains/{shard}.parquet"),
        hand=rules.chirality.output.hand,
        calibration=calibration_of,
    output:
        traces=under("runs/{run}/traces/{shard}.parquet"),
        pdb=directory(under("runs/{run}/pdb/{shard}")),
    log:
        under("logs/reconstruct/{run}/{shard}.log"),
    benchmark:
        under("benchmarks/reconstruct/{run}/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        options=reconstruct_settings,
        code=fingerprint("reconstruct"),
    message:
        "Rebuild coordinates of {wildcards.run}, shard {wildcards.shard}"
    shell:
        "{params.stage} reconstruct --options {params.options:q} --predictions {input.predictions:q}"
        " --chains {input.chains:q} --hand {input.hand:q} --calibration {input.calibration:q} --traces {output.traces:q} --pdb {output.pdb:q} 2> {log:q}"
