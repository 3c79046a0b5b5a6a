# One training job for each run. Checkpoints are not outputs: those of a failed job would be deleted.
ACCELERATE = {0: "cpu", 1: "gpu"}


rule train:
    input:
        chains=shards_of("data/chains"),
        distances=shards_of("data/distances"),
        split=rules.split.output.split,
        backbone=backbone_of,
    output:
        manifest=under("runs/{run}/manifest.json"),
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
        gpu=lambda wildcards: CONFIG.run(wildcards.run).train.gpus,
    params:
        chains=flags("--chains", "chains"),
        distances=flags("--distances", "distances"),
        accelerate=lambda wildcards: ACCELERATE.get(
            CONFIG.run(wildcards.run).train.gpus, "multi_gpu"
        ),
        processes=lambda wildcards: max(1, CONFIG.run(wildcards.run).train.gpus),
        options=run_options("predict", "reconstruct"),
        seed=CONFIG.seed,
        work=under("work/train"),
        code=network_fingerprint("proteinmtp.training.train"),
    message:
        "Train {wildcards.run}; progress is in {log}"
    shell:
        "accelerate launch --config_file workflow/accelerate/{params.accelerate}.yaml"
        " --num_processes {params.processes} -m pipeline train --run {wildcards.run}"
        " {params.chains:q} {params.distances:q} --split {input.split} --backbone {input.backbone}"
        " --options {params.options:q} --seed {params.seed} --code {params.code} --work {params.work}"
        " --model {output.model} --manifest {output.manifest} --history {output.history} 2>&1 | tee {log}"
