# What the confidence of a run is worth, from validation chains; for runs whose distogram says what to expect.
rule calibrate:
    input:
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
        hand=rules.chirality.output.hand,
        backbone=backbone_of,
        record=rules.train.output.record,
    output:
        calibration=under("runs/{run}/calibration.json"),
    log:
        under("logs/calibrate/{run}.log"),
    benchmark:
        under("benchmarks/calibrate/{run}.tsv")
    wildcard_constraints:
        run="|".join(CALIBRATED) or "-",
    conda:
        ENVIRONMENT
    threads: lambda wildcards: CONFIG.run(wildcards.run).train.threads
    resources:
        gpu=GPUS["calibrate"],
    params:
        house=lambda wildcards, input: IN_HOUSE,
        lease=lease_for("calibrate"),
        chains=shards_in("chains"),
        options=lambda wildcards: options(settings=settings_of(wildcards.run)),
        code=network_fingerprint("calibrate"),
    message:
        "Calibrate the confidence of {wildcards.run}"
    shell:
        "{params.house} {params.lease} python -m pipeline calibrate --options {params.options:q} --chains {params.chains:q} --split {input.split:q}"
        " --hand {input.hand:q} --backbone {input.backbone:q} --record {input.record:q} --calibration {output.calibration:q} 2> {log:q}"
