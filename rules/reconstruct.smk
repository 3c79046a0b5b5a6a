# Distances to coordinates.
def reconstruct_settings(wildcards):
    """Return the reconstruction settings of a run, those of the defaults for nulls and comparators."""
    of_run = CONFIG.run(wildcards.run) if wildcards.run in RUNS else CONFIG.defaults
    return options(reconstruct=of_run.reconstruct)


rule reconstruct:
    input:
        predictions=under("runs/{run}/predictions/{shard}.parquet"),
        chains=under("data/chains/{shard}.parquet"),
        hand=rules.chirality.output.hand,
    output:
        structures=under("runs/{run}/structures/{shard}.parquet"),
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
        "{params.stage} reconstruct --options {params.options:q} --predictions {input.predictions}"
        " --chains {input.chains} --hand {input.hand} --structures {output.structures} --pdb {output.pdb} 2> {log}"
