# All that is made. Snakemake deletes the outputs of a job that failed, and does not miss a file that nobody asks for: the
# report of before would pass for that of now. So everything is asked for.
TABLES = [
    *(f"data/{name}" for name in ("manifest", "chains", "quarantine", "distances")),
    *(f"runs/{run}/{name}" for run in SCORED for name in ("predictions", "traces")),
]
SINGLE = [
    *(f"report/{name}" for name in ("index.html", "summary.json", "metrics.parquet", "metrics.csv")),
    *(["data/demo/files.json"] if SOURCE_READY else []),
    *(f"data/{name}" for name in ("split.parquet", "relatives.parquet", "split.json", "chirality.json")),
    *expand("data/{null}.parquet", null=FITTED),
    *expand("backbones/{backbone}/model.json", backbone=BACKBONES),
    *expand("pretrained/{pretrained}/model.json", pretrained=PRETRAINED),
    *expand("pretrained/{pretrained}/summary.json", pretrained=PRETRAINED),
    *expand("pretrained/{pretrained}/history.parquet", pretrained=PRETRAINED),
    *expand("runs/{run}/model.json", run=RUNS),
    *expand("runs/{run}/history.parquet", run=RUNS),
    *expand("runs/{comparator}/comparator.json", comparator=COMPARATORS),
    *expand("runs/{run}/calibration.json", run=CALIBRATED),
    *expand("runs/{run}/artefact/proteinmtp.json", run=RUNS),
    *expand("runs/{run}/folded/{sequences}/{shard}.json", run=RUNS, sequences=SEQUENCES, shard=SHARDS),
    *expand("runs/{run}/folded/{sequences}/{file}", run=RUNS, sequences=SEQUENCES, file=FOLDED),
    *expand("runs/{scored}/metrics.parquet", scored=SCORED),
    *expand("runs/{shown}/views.parquet", shown=SHOWN),
]
FOLDERS = [
    *(["data/demo/structures"] if SOURCE_READY else []),
    *expand("backbones/{backbone}/model", backbone=BACKBONES),
    *expand("pretrained/{pretrained}/model", pretrained=PRETRAINED),
    *expand("runs/{run}/model", run=RUNS),
    *expand("runs/{scored}/pdb/{shard}", scored=SCORED, shard=SHARDS),
    *expand("runs/{run}/folded/{sequences}/{shard}", run=RUNS, sequences=SEQUENCES, shard=SHARDS),
]
MADE = [*map(under, SINGLE), *(path for table in TABLES for path in shards_of(table))]
ASKED = [*MADE, *map(under, FOLDERS)]
