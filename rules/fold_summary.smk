# What became of all sequences of a file with a run: tables, a page, and numbers for the report.
FOLDED = ["index.html", "summary.csv", "refused.csv", "summary.json"]


rule fold_summary:
    input:
        listings=shards_of("runs/{run}/folded/{sequences}", ".json"),
    output:
        page=made("runs/{run}/folded/{sequences}/index.html"),
        table=made("runs/{run}/folded/{sequences}/summary.csv"),
        refused=made("runs/{run}/folded/{sequences}/refused.csv"),
        summary=made("runs/{run}/folded/{sequences}/summary.json"),
    log:
        under("logs/fold_summary/{run}/{sequences}.log"),
    benchmark:
        under("benchmarks/fold_summary/{run}/{sequences}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("fold_summary"),
    params:
        **stage("fold_summary"),
        options=lambda wildcards: options(sequences=wildcards.sequences, run=wildcards.run),
    message:
        "Put together what {wildcards.run} made of {wildcards.sequences}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
