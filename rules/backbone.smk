# A folder with the language model, for from_pretrained; runs with equal settings share it.
BACKBONES = {backbone_key(run): CONFIG.run(run).backbone for run in RUNS}


rule backbone:
    output:
        manifest=under("backbones/{backbone}/manifest.json"),
        model=directory(under("backbones/{backbone}/model")),
    log:
        under("logs/backbone/{backbone}.log"),
    benchmark:
        under("benchmarks/backbone/{backbone}.tsv")
    conda:
        ENVIRONMENT
    params:
        options=lambda wildcards: options_json(BACKBONES[wildcards.backbone]),
        seed=CONFIG.seed,
        code=code_fingerprint("pipeline.model.backbone"),
    message:
        "Make the backbone {wildcards.backbone}"
    shell:
        "python -m pipeline backbone --options {params.options:q} --seed {params.seed}"
        " --folder {output.model} --manifest {output.manifest} 2> {log}"
