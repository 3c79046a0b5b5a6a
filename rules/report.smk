# One offline HTML file, and the numbers beside it.
REPORTED = {
    "metrics": every("runs/{scored}/metrics.parquet", scored=SCORED),
    "views": every("runs/{shown}/views.parquet", shown=SHOWN),
    "history": every("runs/{run}/history.parquet", run=RUNS),
    "records": every("runs/{run}/model.json", run=RUNS),
    "pretraining": every("pretrained/{pretrained}/summary.json", pretrained=PRETRAINED),
    "pretraining_history": every("pretrained/{pretrained}/history.parquet", pretrained=PRETRAINED),
    "comparators": every("runs/{comparator}/comparator.json", comparator=COMPARATORS),
    "folds": every("runs/{run}/folded/{sequences}/summary.json", run=RUNS, sequences=SEQUENCES),
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
