# What the report shows of single chains, for each run and each null.
rule view:
    input:
        predictions=shards_of("runs/{run}/predictions"),
        traces=shards_of("runs/{run}/traces"),
        chains=shards_of("data/chains"),
        split=rules.split.output.split,
    output:
        views=under("runs/{run}/views.parquet"),
    log:
        under("logs/view/{run}.log"),
    benchmark:
        under("benchmarks/view/{run}.tsv")
    wildcard_constraints:
        run="|".join(SHOWN),
    conda:
        ENVIRONMENT
    params:
        stage=stage,
        predictions=shards_in("predictions"),
        traces=shards_in("traces"),
        chains=shards_in("chains"),
        options=lambda wildcards: options(
            run=wildcards.run,
            subset=CONFIG.evaluate.subset,
            shown=CONFIG.report.chains,
        ),
        code=fingerprint("view"),
    message:
        "Put together views of {wildcards.run}"
    shell:
        "{params.stage} view --options {params.options:q} --predictions {params.predictions:q} --traces {params.traces:q}"
        " --chains {params.chains:q} --split {input.split:q} --views {output.views:q} 2> {log:q}"
