# Backbones that are trained on sequences before the runs; runs with equal settings share one.
PRETRAINED_OF = {
    run: backbone_key(pretrained)
    for run in RUNS
    for _, pretrained in [backbone_settings(run)]
    if is_pretrained(pretrained)
}
PRETRAINED = {
    key: (
        backbone_key(backbone_settings(first)[0]),
        [run for run, of in PRETRAINED_OF.items() if of == key],
    )
    for first, key in PRETRAINED_OF.items()
}
FASTA = sorted({path for run in PRETRAINED_OF for path in CONFIG.run(run).backbone.pretrain.fasta})
FASTA_HASHES = (
    cached_hashes([Path(path) for path in FASTA], Path(placed(under("work/fasta-hashes.json")))) if FASTA else {}
)


rule pretrain:
    input:
        **shards("chains"),
        **with_folders(backbone=lambda wildcards: under(f"backbones/{PRETRAINED[wildcards.pretrained][0]}/model.json")),
        split=rules.split.output.split,
    output:
        **tables("pretrained/{pretrained}", record="model.json", summary="summary.json", history="history.parquet"),
        model=directory(made("pretrained/{pretrained}/model")),
    log:
        under("logs/pretrain/{pretrained}.log"),
    benchmark:
        under("benchmarks/pretrain/{pretrained}.tsv")
    conda:
        ENVIRONMENT
    threads: training_threads("pretrain")
    resources:
        **needs("pretrain"),
    params:
        **stage("pretrain", pretraining_code, **PAUSING["pretrain"]),
        options=pretraining_options,
        content=fasta_content,
    message:
        "Pretrain the backbone {wildcards.pretrained}; progress is in {log}"
    shell:
        "{params.command} --options {params.options:q} --name {wildcards.pretrained} --code {params.code} --threads {threads} 2>&1 | tee {log:q}"
