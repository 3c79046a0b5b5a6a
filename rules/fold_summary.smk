# What became of all sequences of a file with a run: tables, a page, and numbers for the report.
rule fold_summary:
    input:
        listings=shards_of("runs/{run}/folded/{sequences}", ".json"),
    output:
        page=under("runs/{run}/folded/{sequences}/index.html"),
        table=under("runs/{run}/folded/{sequences}/summary.csv"),
        refused=under("runs/{run}/folded/{sequences}/refused.csv"),
        summary=under("runs/{run}/folded/{sequences}/summary.json"),
    log:
        under("logs/fold_summary/{run}/{sequences}.log"),
    benchmark:
        under("benchmarks/fold_summary/{run}/{sequences}.tsv")
    wildcard_constraints:
        run="|".join(RUNS),
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        options=lambda wildcards: options(
            sequences=wildcards.sequences, run=wildcards.run
        ),
        code=fingerprint("fold_summary"),
    message:
        "Put together what {wildcards.run} made of {wildcards.sequences}"
    shell:
        "{params.stage} fold_summary --options {params.options:q} --listings {input.listings:q} --page {output.page:q}"
        " --table {output.table:q} --refused {output.refused:q} --summary {output.summary:q} 2> {log:q}"
