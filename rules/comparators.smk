# Predicted structures from elsewhere, as the predictions of a run; from there on they go the way of the runs.
# Known before any job, so that a new file matches anew and a touched one does nothing.
try:
    COMPARATOR_DIGESTS = {
        name: folder_digest(
            Path(folder),
            Path(under(f"work/comparators/{name}.json")),
            f"comparators ({name}).folder",
        )
        for name, folder in COMPARATORS.items()
    }
except SourceError as error:
    raise WorkflowError(str(error))


rule comparator:
    input:
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        predictions=shards_of("runs/{run}/predictions"),
        listing=under("runs/{run}/comparator.json"),
    log:
        under("logs/comparator/{run}.log"),
    benchmark:
        under("benchmarks/comparator/{run}.tsv")
    wildcard_constraints:
        run="|".join(COMPARATORS) or "-",
    conda:
        ENVIRONMENT
    params:
        chains=flags("--chains", "chains"),
        outputs=lambda wildcards, output: [
            f"--output={path}" for path in output.predictions
        ],
        folder=lambda wildcards: COMPARATORS[wildcards.run],
        subset=CONFIG.evaluate.subset,
        content=lambda wildcards: COMPARATOR_DIGESTS[wildcards.run],
        code=code_fingerprint("proteinmtp.predictors.comparator"),
    message:
        "Match the files of {wildcards.run} to chains"
    shell:
        "python -m pipeline comparator --name {wildcards.run} --folder {params.folder:q} {params.chains:q}"
        " --split {input.split} --subset {params.subset} {params.outputs:q} --listing {output.listing} 2> {log}"
