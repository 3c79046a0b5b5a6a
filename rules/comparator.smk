# Predicted structures from elsewhere, as the predictions of a run; from there on they go the way of the runs.
# Known before any job, so that a new file matches anew and a touched one does nothing.
from proteinmtp.structures.sources.directory import folder_digest

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
        **shards("chains"),
        split=rules.split.output.split,
    output:
        predictions=constrained(shards_of("runs/{comparator}/predictions")),
        listing=made("runs/{comparator}/comparator.json"),
    log:
        under("logs/comparator/{comparator}.log"),
    benchmark:
        under("benchmarks/comparator/{comparator}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("comparator"),
    params:
        **stage("comparator"),
        options=comparator_options,
        content=lambda wildcards: COMPARATOR_DIGESTS[wildcards.comparator],
    message:
        "Match the files of {wildcards.comparator} to chains"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
