# One offline HTML file, and the numbers beside it.
rule report:
    input:
        metrics=expand(under("runs/{run}/metrics.parquet"), run=SCORED),
        examples=expand(under("runs/{run}/examples.parquet"), run=SCORED),
        history=expand(under("runs/{run}/history.parquet"), run=RUNS),
        models=expand(under("runs/{run}/manifest.json"), run=RUNS),
        comparators=expand(under("runs/{run}/comparator.json"), run=COMPARATORS),
        quarantine=shards_of("data/quarantine"),
        split_summary=rules.split.output.summary,
    output:
        html=report(
            under("report/index.html"),
            caption="../workflow/report/index.rst",
            category="Report",
            labels={"page": "scores, data, training and examples"},
        ),
        summary=under("report/summary.json"),
        table=report(
            under("report/metrics.parquet"),
            caption="../workflow/report/metrics.rst",
            category="Report",
            labels={"page": "table of all scores"},
        ),
    log:
        under("logs/report.log"),
    benchmark:
        under("benchmarks/report.tsv")
    conda:
        ENVIRONMENT
    params:
        metrics=flags("--metrics", "metrics"),
        examples=flags("--examples", "examples"),
        history=flags("--history", "history"),
        models=flags("--models", "models"),
        comparators=flags("--comparators", "comparators"),
        quarantine=flags("--quarantine", "quarantine"),
        options=options_json(CONFIG),
        code=code_fingerprint("proteinmtp.report.build"),
    message:
        "Write the report"
    shell:
        "python -m pipeline report {params.metrics:q} {params.examples:q} {params.history:q} {params.models:q}"
        " {params.comparators:q} {params.quarantine:q} --split-summary {input.split_summary} --options {params.options:q}"
        " --html {output.html} --summary {output.summary} --table {output.table} 2> {log}"
