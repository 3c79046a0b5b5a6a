# What the results come from, with hashes of all that was made.
rule provenance:
    input:
        *MADE,
        manifest=shards_of("data/manifest"),
        beside=[ancient(under(folder)) for folder in FOLDERS],
    output:
        run_manifest=under("report/run_manifest.json"),
    log:
        under("logs/provenance/provenance.log"),
    benchmark:
        under("benchmarks/provenance/provenance.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("provenance"),
    params:
        **stage("provenance", results=lambda wildcards: FOLDER, commit=commit_of_house),
        options=provenance_options,
    message:
        "Write down what the results come from"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
