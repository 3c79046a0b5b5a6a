# What is usual in the training chains; traces are rebuilt, and their mirror image is chosen, by it.
rule chirality:
    input:
        **shards("chains"),
        split=rules.split.output.split,
    output:
        hand=under("data/chirality.json"),
    log:
        under("logs/chirality/chirality.log"),
    benchmark:
        under("benchmarks/chirality/chirality.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("chirality"),
    params:
        **stage("chirality"),
    message:
        "Count what is usual in the training chains"
    shell:
        "{params.command} 2> {log:q}"
