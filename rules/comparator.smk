# Predicted structures from elsewhere, as the predictions of a run; from there on they go the way of the runs.
# Known before any job, so that a new file matches anew and a touched one does nothing.
with one_line():
    COMPARATOR_DIGESTS = {
        name: folder_digest(
            Path(folder),
            Path(placed(under(f"work/comparators/{name}.json"))),
            key=f"comparators ({name}).folder",
        )
        for name, folder in COMPARATORS.items()
    }


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
        stage=stage,
        chains=shards_in("chains"),
        predictions=shards_out,
        options=lambda wildcards: options(
            name=wildcards.run,
            folder=COMPARATORS[wildcards.run],
            subset=CONFIG.evaluate.subset,
        ),
        content=lambda wildcards: COMPARATOR_DIGESTS[wildcards.run],
        code=fingerprint("comparator"),
    message:
        "Match the files of {wildcards.run} to chains"
    shell:
        "{params.stage} comparator --options {params.options:q} --chains {params.chains:q} --split {input.split:q}"
        " --predictions {params.predictions:q} --listing {output.listing:q} 2> {log:q}"
