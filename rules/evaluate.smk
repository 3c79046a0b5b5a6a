# Scores of each run and each null against the experiment, by the same code.
rule evaluate:
    input:
        predictions=shards_of("runs/{run}/predictions"),
        structures=shards_of("runs/{run}/structures"),
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        metrics=under("runs/{run}/metrics.parquet"),
        examples=under("runs/{run}/examples.parquet"),
    log:
        under("logs/evaluate/{run}.log"),
    benchmark:
        under("benchmarks/evaluate/{run}.tsv")
    conda:
        ENVIRONMENT
    params:
        predictions=flags("--predictions", "predictions"),
        structures=flags("--structures", "structures"),
        chains=flags("--chains", "chains"),
        code=code_fingerprint("proteinmtp.scoring.evaluate_"),
    message:
        "Score {wildcards.run}"
    shell:
        "python -m pipeline evaluate --run {wildcards.run} {params.predictions:q} {params.structures:q}"
        " {params.chains:q} --split {input.split} --metrics {output.metrics} --examples {output.examples} 2> {log}"
