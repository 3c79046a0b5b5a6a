# What is usual in the training chains; traces are rebuilt, and their mirror image is chosen, by it.
rule chirality:
    input:
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        hand=under("data/chirality.json"),
    log:
        under("logs/chirality/chirality.log"),
    benchmark:
        under("benchmarks/chirality/chirality.tsv")
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        chains=shards_in("chains"),
        code=fingerprint("chirality"),
    message:
        "Count what is usual in the training chains"
    shell:
        "{params.stage} chirality --chains {params.chains:q} --split {input.split:q} --hand {output.hand:q} 2> {log:q}"
