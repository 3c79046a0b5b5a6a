# One offline HTML file, and the numbers beside it.
rule report:
    input:
        metrics=expand(under("runs/{run}/metrics.parquet"), run=SCORED),
        views=expand(rules.view.output.views, run=SHOWN),
        history=expand(under("runs/{run}/history.parquet"), run=RUNS),
        records=expand(under("runs/{run}/model.json"), run=RUNS),
        pretraining=expand(
            under("pretrained/{pretrained}/summary.json"), pretrained=PRETRAINED
        ),
        pretraining_history=expand(
            under("pretrained/{pretrained}/history.parquet"), pretrained=PRETRAINED
        ),
        comparators=expand(under("runs/{run}/comparator.json"), run=COMPARATORS),
        folds=expand(rules.fold_summary.output.summary, run=RUNS, sequences=SEQUENCES),
        quarantine=shards_of("data/quarantine"),
        split=rules.split.output.split,
        relatives=rules.split.output.relatives,
        split_summary=rules.split.output.summary,
    output:
        html=report(
            under("report/index.html"),
            caption="../workflow/report/index.rst",
            category="Report",
            labels={"file": "the report"},
        ),
        summary=report(
            under("report/summary.json"),
            caption="../workflow/report/summary.rst",
            category="Numbers",
            labels={"file": "means, intervals, differences, verdicts"},
        ),
        table=under("report/metrics.parquet"),
        csv=report(
            under("report/metrics.csv"),
            caption="../workflow/report/metrics.rst",
            category="Numbers",
            labels={"file": "all scores"},
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
        # What jobs cost is no input: it is another in each run.
        benchmarks=lambda wildcards, output: Path(output.html).parents[1] / "benchmarks",
        commit=lambda wildcards, input: commit_of_house(),
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
        "{params.stage} report --metrics {input.metrics:q} --views {input.views:q} --history {input.history:q}"
        " --records {input.records:q} --pretraining {input.pretraining:q} --pretraining-history {input.pretraining_history:q} --comparators {input.comparators:q}"
        " --folds {input.folds:q} --quarantine {params.quarantine:q}"
        " --split {input.split:q} --relatives {input.relatives:q} --split-summary {input.split_summary:q}"
        " --options {params.options:q} --benchmarks {params.benchmarks:q} --commit={params.commit:q}"
        " --html {output.html:q} --summary {output.summary:q} --table {output.table:q} --csv {output.csv:q} 2> {log:q}"
