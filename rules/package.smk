# A folder with all that folding needs of a run, to copy and to share.
rule package:
    input:
        record=rules.train.output.record,
        backbone=backbone_of,
        hand=rules.chirality.output.hand,
        calibration=calibration_of,
    output:
        artefact=under("runs/{run}/artefact/proteinmtp.json"),
    log:
        under("logs/package/{run}.log"),
    benchmark:
        under("benchmarks/package/{run}.tsv")
    wildcard_constraints:
        run="|".join(RUNS),
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        options=lambda wildcards: options(
            run=wildcards.run,
            source=CONFIG.source.kind,
            settings=settings_of(wildcards.run),
        ),
        code=fingerprint("package"),
    message:
        "Package {wildcards.run}"
    shell:
        "{params.stage} package --options {params.options:q} --record {input.record:q} --backbone {input.backbone:q}"
        " --hand {input.hand:q} --calibration {input.calibration:q} --artefact {output.artefact:q} 2> {log:q}"
