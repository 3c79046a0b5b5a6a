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
    params:
        stage=stage,
        options=lambda wildcards: options(demo=CONFIG.source.demo, seed=CONFIG.seed),
        code=fingerprint("demo"),
    message:
        "Write the demo's synthetic proteins"
    shell:
        "{params.stage} demo --options {params.options:q} --files {output.files:q} --structures {output.structures:q} 2> {log:q}"
