# One training job for each run. Checkpoints are not outputs: those of a failed job would be deleted.
rule train:
    input:
        chains=shards_of("data/chains"),
        distances=shards_of("data/distances"),
        split=rules.split.output.split,
        backbone=backbone_of,
    output:
        record=under("runs/{run}/model.json"),
        history=under("runs/{run}/history.parquet"),
        model=directory(under("runs/{run}/model")),
    log:
        under("logs/train/{run}.log"),
    benchmark:
        under("benchmarks/train/{run}.tsv")
    conda:
        ENVIRONMENT
    threads: lambda wildcards: CONFIG.run(wildcards.run).train.threads
    resources:
        gpu=GPUS["train"],
        # Not params, which Snakemake compares: another limit does not train a finished run again.
        checkpoint_every=lambda wildcards: CONFIG.run(
            wildcards.run
        ).train.checkpoint_every,
        max_seconds=lambda wildcards: round(
            60 * (CONFIG.run(wildcards.run).train.max_minutes or 0)
        ),
    params:
        house=lambda wildcards, input: IN_HOUSE,
        lease=lease_for("train"),
        accelerate=lambda wildcards, input: accelerate_file(GPUS["train"](wildcards)),
        work=lambda wildcards, output: Path(output.record).parents[2] / "work" / "train",
        chains=shards_in("chains"),
        distances=shards_in("distances"),
        processes=lambda wildcards: max(1, GPUS["train"](wildcards)),
        options=lambda wildcards: options(
            settings=settings_of(wildcards.run, "predict", "reconstruct"),
            seed=SEED_OF[wildcards.run],
        ),
        code=network_fingerprint("train", launched_as),
    message:
        "Train {wildcards.run}; progress is in {log}"
    shell:
        "{params.house} {params.lease} accelerate launch --quiet --config_file {params.accelerate:q} --num_processes {params.processes}"
        " -m pipeline train --run {wildcards.run} --chains {params.chains:q} --distances {params.distances:q}"
        " --checkpoint-every {resources.checkpoint_every} --max-seconds {resources.max_seconds}"
        " --split {input.split:q} --backbone {input.backbone:q} --options {params.options:q} --code {params.code}"
        " --work {params.work:q} --record {output.record:q} --history {output.history:q} --model {output.model:q}"
        " 2>&1 | tee {log:q}"
