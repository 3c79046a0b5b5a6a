# Structures of sequences that have none, for each run and shard.
# What is in the files is known before any job, so that a new sequence folds anew and a touched file does nothing.
SEQUENCES = {entry.name: entry.file for entry in CONFIG.sequences}
with one_line():
    SEQUENCES_DIGESTS = {
        name: sequences_digest(read_listed(Path(file), key=f"sequences ({name}).file"))
        for name, file in SEQUENCES.items()
    }


wildcard_constraints:
    sequences="|".join(SEQUENCES) or "-",


rule fold:
    input:
        artefact=rules.package.output.artefact,
    output:
        folder=directory(under("runs/{run}/folded/{sequences}/{shard}")),
        listing=under("runs/{run}/folded/{sequences}/{shard}.json"),
    log:
        under("logs/fold/{run}/{sequences}/{shard}.log"),
    benchmark:
        under("benchmarks/fold/{run}/{sequences}/{shard}.tsv")
    wildcard_constraints:
        run="|".join(RUNS),
    conda:
        ENVIRONMENT
    threads: lambda wildcards: CONFIG.run(wildcards.run).train.threads
    resources:
        gpu=GPUS["fold"],
    params:
        house=lambda wildcards, input: IN_HOUSE,
        lease=lease_for("fold"),
        options=lambda wildcards: options(
            shard=int(wildcards.shard),
            shards=len(SHARDS),
        ),
        file=lambda wildcards, input: SEQUENCES[wildcards.sequences],
        content=lambda wildcards: SEQUENCES_DIGESTS[wildcards.sequences],
        code=network_fingerprint("fold"),
    message:
        "Fold {wildcards.sequences} with {wildcards.run}, shard {wildcards.shard}"
    shell:
        "{params.house} {params.lease} python -m pipeline fold --options {params.options:q} --file {params.file:q}"
        " --artefact {input.artefact:q} --folder {output.folder:q} --listing {output.listing:q} 2> {log:q}"
