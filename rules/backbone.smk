# A folder with the language model, for from_pretrained; runs with equal settings share it.
BACKBONES = {backbone_key(bare): bare for bare, _ in map(backbone_settings, RUNS)}
LOCAL_FOLDERS = {Path(backbone.path) for backbone in BACKBONES.values() if backbone.kind == "path"}
LOCAL_FILES = [path for folder in LOCAL_FOLDERS for path in sorted(folder.glob("*")) if path.is_file()]
LOCAL_HASHES = cached_hashes(LOCAL_FILES, Path(placed(under("work/backbone-hashes.json")))) if LOCAL_FILES else {}


rule backbone:
    output:
        record=made("backbones/{backbone}/model.json"),
        model=directory(made("backbones/{backbone}/model")),
    log:
        under("logs/backbone/{backbone}.log"),
    benchmark:
        under("benchmarks/backbone/{backbone}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("backbone"),
    params:
        **stage("backbone"),
        options=lambda wildcards: options(backbone=BACKBONES[wildcards.backbone], seed=CONFIG.seed),
        content=local_content,
    message:
        "Make the backbone {wildcards.backbone}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
