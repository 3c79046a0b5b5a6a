# Distances to coordinates; the mirror image is chosen by what the training chains look like.
rule chirality:
    input:
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        under("data/chirality.json"),
    log:
        under("logs/chirality.log"),
    benchmark:
        under("benchmarks/chirality.tsv")
    conda:
        ENVIRONMENT
    params:
        chains=flags("--chains", "chains"),
        code=code_fingerprint("proteinmtp.predictors.traces"),
    message:
        "Count the pseudo-dihedrals of the training chains"
    shell:
        "python -m pipeline chirality {params.chains:q} --split {input.split} --output {output} 2> {log}"


rule reconstruct:
    input:
        predictions=under("runs/{run}/predictions/{shard}.parquet"),
        chains=under("data/chains/{shard}.parquet"),
        chirality=rules.chirality.output,
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
        options=reconstruct_options,
        code=code_fingerprint("proteinmtp.predictors.traces"),
    message:
        "Rebuild coordinates of {wildcards.run}, shard {wildcards.shard}"
    shell:
        "python -m pipeline reconstruct --options {params.options:q} --predictions {input.predictions}"
        " --chains {input.chains} --chirality {input.chirality} --output {output.structures}"
        " --folder {output.pdb} 2> {log}"
