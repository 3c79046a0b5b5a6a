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
FASTA = sorted(
    {path for run in PRETRAINED_OF for path in CONFIG.run(run).backbone.pretrain.fasta}
)
FASTA_HASHES = (
    cached_hashes(
        [Path(path) for path in FASTA], Path(placed(under("work/fasta-hashes.json")))
    )
    if FASTA
    else {}
)


rule pretrain:
    input:
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
        backbone=lambda wildcards: under(
            f"backbones/{PRETRAINED[wildcards.pretrained][0]}/model.json"
        ),
    output:
        record=under("pretrained/{pretrained}/model.json"),
        summary=under("pretrained/{pretrained}/summary.json"),
        history=under("pretrained/{pretrained}/history.parquet"),
        model=directory(under("pretrained/{pretrained}/model")),
    log:
        under("logs/pretrain/{pretrained}.log"),
    benchmark:
        under("benchmarks/pretrain/{pretrained}.tsv")
    conda:
        ENVIRONMENT
    threads: lambda wildcards: pretraining(wildcards).threads
    resources:
        gpu=GPUS["pretrain"],
        checkpoint_every=lambda wildcards: pretraining(wildcards).checkpoint_every,
        max_seconds=lambda wildcards: round(
            60 * (pretraining(wildcards).max_minutes or 0)
        ),
    params:
        house=lambda wildcards, input: IN_HOUSE,
        lease=lease_for("pretrain"),
        accelerate=lambda wildcards, input: accelerate_file(GPUS["pretrain"](wildcards)),
        work=lambda wildcards, output: Path(output.record).parents[2]
        / "work"
        / "pretrain",
        chains=shards_in("chains"),
        processes=lambda wildcards: max(1, GPUS["pretrain"](wildcards)),
        fasta=lambda wildcards, input: pretraining(wildcards).fasta,
        content=lambda wildcards: [
            FASTA_HASHES[Path(path)] for path in pretraining(wildcards).fasta
        ],
        options=lambda wildcards: options(
            backbone=backbone_settings(PRETRAINED[wildcards.pretrained][1][0])[1],
            split=CONFIG.split,
            max_unknown=CONFIG.parse.max_unknown,
            seed=CONFIG.seed,
        ),
        code=lambda wildcards: text_sha256(
            fingerprint("pretrain"), PINS, told(GPUS["pretrain"](wildcards))
        )[:16],
    message:
        "Pretrain the backbone {wildcards.pretrained}; progress is in {log}"
    shell:
        "{params.house} {params.lease} accelerate launch --quiet --config_file {params.accelerate:q} --num_processes {params.processes}"
        " -m pipeline pretrain --name {wildcards.pretrained} --chains {params.chains:q} --split {input.split:q}"
        " --backbone {input.backbone:q} --fasta {params.fasta:q} --options {params.options:q} --code {params.code}"
        " --checkpoint-every {resources.checkpoint_every} --max-seconds {resources.max_seconds} --threads {threads}"
        " --work {params.work:q} --record {output.record:q} --summary {output.summary:q} --history {output.history:q}"
        " --model {output.model:q} 2>&1 | tee {log:q}"
