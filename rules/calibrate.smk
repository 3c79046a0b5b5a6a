# What the confidence of a run is worth, from validation chains; for runs whose distogram says what to expect.
rule calibrate:
    input:
        **shards("chains"),
        **with_folders(backbone=backbone_of, record=under("runs/{run}/model.json")),
        split=rules.split.output.split,
        hand=rules.chirality.output.hand,
    output:
        calibration=made("runs/{run}/calibration.json"),
    log:
        under("logs/calibrate/{run}.log"),
    benchmark:
        under("benchmarks/calibrate/{run}.tsv")
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        **needs("calibrate"),
    params:
        **stage("calibrate", network_fingerprint("calibrate")),
        options=lambda wildcards: options(settings=predicting(wildcards.run)),
    message:
        "Calibrate the confidence of {wildcards.run}"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
