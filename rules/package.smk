# A folder with all that folding needs of a run, to copy and to share.
rule package:
    input:
        **with_folders(backbone=backbone_of, record=under("runs/{run}/model.json")),
        hand=rules.chirality.output.hand,
        calibration=calibration_of,
    output:
        directory(made("runs/{run}/artefact")),
        artefact=made("runs/{run}/artefact/proteinmtp.json"),
    log:
        under("logs/package/{run}.log"),
    benchmark:
        under("benchmarks/package/{run}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("package"),
    params:
        **stage("package"),
        options=package_options,
    message:
        "Package {wildcards.run}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
