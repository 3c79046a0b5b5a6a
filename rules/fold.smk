# Structures of sequences that have none, for each run and shard.
# What is in the files is known before any job, so that a new sequence folds anew and a touched file does nothing.
from proteinmtp.folding.sequences import read_listed, sequences_digest

with one_line():
    SEQUENCES_DIGESTS = {
        name: sequences_digest(read_listed(Path(file), key=f"sequences ({name}).file"))
        for name, file in SEQUENCES.items()
    }


rule fold:
    input:
        ancient(under("runs/{run}/artefact")),
        artefact=rules.package.output.artefact,
    output:
        folder=directory(made("runs/{run}/folded/{sequences}/{shard}")),
        listing=made("runs/{run}/folded/{sequences}/{shard}.json"),
    log:
        under("logs/fold/{run}/{sequences}/{shard}.log"),
    benchmark:
        under("benchmarks/fold/{run}/{sequences}/{shard}.tsv")
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        **needs("fold"),
    params:
        **stage("fold", network_fingerprint("fold"), file=lambda wildcards: SEQUENCES[wildcards.sequences]),
        options=lambda wildcards: options(shard=int(wildcards.shard), shards=len(SHARDS)),
        content=lambda wildcards: SEQUENCES_DIGESTS[wildcards.sequences],
    message:
        "Fold {wildcards.sequences} with {wildcards.run}, shard {wildcards.shard}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
