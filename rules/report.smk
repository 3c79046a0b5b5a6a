# One offline HTML file, and the numbers beside it.
rule report:
    input:
        metrics=expand(under("runs/{run}/metrics.parquet"), run=SCORED),
        examples=expand(under("runs/{run}/examples.parquet"), run=SCORED),
        history=expand(under("runs/{run}/history.parquet"), run=RUNS),
        records=expand(under("runs/{run}/model.json"), run=RUNS),
        pretraining=expand(
            under("pretrained/{pretrained}/summary.json"), pretrained=PRETRAINED
        ),
        comparators=expand(under("runs/{run}/comparator.json"), run=COMPARATORS),
        folds=expand(rules.fold_summary.output.summary, run=RUNS, sequences=SEQUENCES),
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
        under("logs/report/report.log"),
    benchmark:
        under("benchmarks/report/report.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        quarantine=shards_in("quarantine"),
        options=lambda wildcards: options(
            config=CONFIG,
            settings={run: settings_of(run) for run in RUNS},
            pretrained=PRETRAINED_OF,
            shown=named([*CONFIG.runs, *CONFIG.comparators]),
            nulls=named(NULLS.values()),
            beside={
                entry.name: catalogue.nulls_beside(entry.name, CONFIG)
                for entry in CONFIG.runs
            },
        ),
        code=fingerprint("report"),
    message:
        "Write the report"
    shell:
        "{params.stage} report --metrics {input.metrics:q} --examples {input.examples:q} --history {input.history:q}"
        " --records {input.records:q} --pretraining {input.pretraining:q} --comparators {input.comparators:q}"
        " --folds {input.folds:q} --quarantine {params.quarantine:q}"
        " --split-summary {input.split_summary:q} --options {params.options:q}"
        " --html {output.html:q} --summary {output.summary:q} --table {output.table:q} 2> {log:q}"
