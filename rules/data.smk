# Structure files to shards of chains and distances, and their split.
if CONFIG.source.kind == "demo":
    SOURCE_READY = under("data/demo/files.json")
    SHARD_DIGESTS = [""] * len(SHARDS)
else:
    SOURCE_READY = []
    # Known before any job, so that a new file reruns one shard and a touched one nothing.
    try:
        SHARD_DIGESTS = shard_digests(
            list_source(CONFIG.source, Path(RESULTS)), len(SHARDS), Path(RESULTS)
        )
    except SourceError as error:
        raise WorkflowError(str(error))

SPLIT_TABLE = ""
if CONFIG.split.method == "table":
    from proteinmtp.splitting.subset_table import SplitError, table_digest

    try:
        SPLIT_TABLE = table_digest(CONFIG.split.table)
    except SplitError as error:
        raise WorkflowError(str(error))


rule demo:
    output:
        files=under("data/demo/files.json"),
        structures=directory(under("data/demo/structures")),
    log:
        under("logs/demo.log"),
    benchmark:
        under("benchmarks/demo.tsv")
    conda:
        ENVIRONMENT
    params:
        options=options_json(CONFIG.source.demo),
        seed=CONFIG.seed,
        code=code_fingerprint("proteinmtp.structures.synthetic"),
    message:
        "Write the demo's synthetic proteins"
    shell:
        "python -m pipeline demo --options {params.options:q} --seed {params.seed}"
        " --folder {output.structures} --listing {output.files} 2> {log}"


rule manifest:
    input:
        SOURCE_READY,
    output:
        under("data/manifest/{shard}.parquet"),
    log:
        under("logs/manifest/{shard}.log"),
    benchmark:
        under("benchmarks/manifest/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        options=options_json(CONFIG.source.in_use()),
        results=lambda wildcards, output: Path(output[0]).parents[2],
        shards=len(SHARDS),
        content=lambda wildcards: SHARD_DIGESTS[int(wildcards.shard)],
        code=code_fingerprint(
            "proteinmtp.structures.listing_", f"{SOURCES}.{CONFIG.source.kind}"
        ),
    message:
        "List structure files, shard {wildcards.shard}"
    shell:
        "python -m pipeline manifest --options {params.options:q} --results {params.results}"
        " --shard {wildcards.shard} --shards {params.shards} --output {output} 2> {log}"


rule parse:
    input:
        rules.manifest.output,
    output:
        chains=under("data/chains/{shard}.parquet"),
        quarantine=under("data/quarantine/{shard}.parquet"),
    log:
        under("logs/parse/{shard}.log"),
    benchmark:
        under("benchmarks/parse/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        options=options_json(CONFIG.parse),
        code=code_fingerprint("proteinmtp.structures.stages_"),
    message:
        "Parse structures, shard {wildcards.shard}"
    shell:
        "python -m pipeline parse --options {params.options:q} --manifest {input}"
        " --chains {output.chains} --quarantine {output.quarantine} 2> {log}"


rule distances:
    input:
        rules.parse.output.chains,
    output:
        under("data/distances/{shard}.parquet"),
    log:
        under("logs/distances/{shard}.log"),
    benchmark:
        under("benchmarks/distances/{shard}.tsv")
    conda:
        ENVIRONMENT
    params:
        code=code_fingerprint("proteinmtp.tables.write_distances_"),
    message:
        "Compute distances, shard {wildcards.shard}"
    shell:
        "python -m pipeline distances --chains {input} --output {output} 2> {log}"


rule split:
    input:
        chains=shards_of("data/chains"),
        quarantine=shards_of("data/quarantine"),
    output:
        split=under("data/split.parquet"),
        summary=under("data/split.json"),
    log:
        under("logs/split.log"),
    benchmark:
        under("benchmarks/split.tsv")
    conda:
        ENVIRONMENT
    threads: 2
    params:
        chains=flags("--chains", "chains"),
        quarantine=flags("--quarantine", "quarantine"),
        options=options_json(CONFIG.split),
        seed=CONFIG.seed,
        table=SPLIT_TABLE,
        code=code_fingerprint("proteinmtp.splitting.divide"),
    message:
        "Split chains into train, val and test"
    shell:
        "python -m pipeline split {params.chains:q} {params.quarantine:q} --options {params.options:q}"
        " --seed {params.seed} --threads {threads} --output {output.split} --summary {output.summary} 2> {log}"
