# The built-in demo: synthetic proteins as PDB and mmCIF files.
rule demo:
    output:
        files=under("data/demo/files.json"),
        structures=directory(under("data/demo/structures")),
    log:
        under("logs/demo/demo.log"),
    benchmark:
        under("benchmarks/demo/demo.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("demo"),
    params:
        **stage("demo"),
        options=lambda wildcards: options(demo=CONFIG.source.demo, seed=CONFIG.seed),
    message:
        "Write the demo's synthetic proteins"
    shell:
        "{params.command} --options {params.options:q} 2> {log:q}"
