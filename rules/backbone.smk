# A folder with the language model, for from_pretrained; runs with equal settings share it.
BACKBONES = {backbone_key(bare): bare for bare, _ in map(backbone_settings, RUNS)}
LOCAL_FILES = [
    path
    for backbone in BACKBONES.values()
    if backbone.kind == "path"
    for path in sorted(Path(backbone.path).glob("*"))
    if path.is_file()
]
LOCAL_HASHES = (
    cached_hashes(LOCAL_FILES, Path(placed(under("work/backbone-hashes.json"))))
    if LOCAL_FILES
    else {}
)


rule backbone:
    output:
        record=under("backbones/{backbone}/model.json"),
        model=directory(under("backbones/{backbone}/model")),
    log:
        under("logs/backbone/{backbone}.log"),
    benchmark:
        under("benchmarks/backbone/{backbone}.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        options=lambda wildcards: options(
            backbone=BACKBONES[wildcards.backbone], seed=CONFIG.seed
        ),
        # A local model that is replaced in place must be noticed; the others are named by their settings.
        content=lambda wildcards: [
            LOCAL_HASHES[path]
            for path in LOCAL_FILES
            if path.parent == Path(BACKBONES[wildcards.backbone].path or "")
        ],
        code=fingerprint("backbone"),
    message:
        "Make the backbone {wildcards.backbone}"
    shell:
        "{params.stage} backbone --options {params.options:q} --record {output.record:q} --model {output.model:q} 2> {log:q}"
