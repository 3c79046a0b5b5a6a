# One offline HTML file, and the numbers beside it.
REPORTED = {
    "metrics": expand(rules.evaluate.output.metrics, scored=SCORED),
    "views": expand(rules.view.output.views, shown=SHOWN),
    "history": expand(rules.train.output.history, run=RUNS),
    "records": expand(rules.train.output.record, run=RUNS),
    "pretraining": expand(rules.pretrain.output.summary, pretrained=PRETRAINED),
    "pretraining_history": expand(rules.pretrain.output.history, pretrained=PRETRAINED),
    "comparators": expand(rules.comparator.output.listing, comparator=COMPARATORS),
    "folds": expand(rules.fold_summary.output.summary, run=RUNS, sequences=SEQUENCES),
    "quarantine": shards_of("data/quarantine"),
    "split": rules.split.output.split,
    "relatives": rules.split.output.relatives,
    "split_summary": rules.split.output.summary,
}


# What jobs cost is no input: it is another in each run.
rule report:
    input:
        **REPORTED,
    output:
        html=captioned("index.html", "Report", "the report"),
        summary=captioned("summary.json", "Numbers", "means, intervals, differences, verdicts"),
        table=under("report/metrics.parquet"),
        csv=captioned("metrics.csv", "Numbers", "all scores"),
    log:
        under("logs/report/report.log"),
    benchmark:
        under("benchmarks/report/report.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("report"),
    params:
        **stage("report", benchmarks=lambda wildcards: f"{FOLDER}/benchmarks", commit=commit_of_house),
        options=report_options,
    message:
        "Write the report"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
