# What a source holds: one row for each entry. Files that must be fetched are fetched here.
from proteinmtp.structures.listing import list_source, shard_digests

SOURCE = module_name(catalogue.SOURCES, CONFIG.source.kind)

if CONFIG.source.kind == "demo":
    SOURCE_READY = under("data/demo/files.json")
    SOURCE_FOLDER = [ancient(under("data/demo/structures"))]
    SHARD_DIGESTS = [""] * len(SHARDS)
else:
    SOURCE_READY, SOURCE_FOLDER = [], []
    # Known before any job, so that a new file reruns one shard and a touched one nothing.
    with one_line():
        SHARD_DIGESTS = shard_digests(
            list_source(CONFIG.source, Path(FOLDER)),
            shards=len(SHARDS),
            results=Path(FOLDER),
        )


rule manifest:
    input:
        SOURCE_READY,
        SOURCE_FOLDER,
    output:
        manifest=made("data/manifest/{shard}.parquet"),
    log:
        under("logs/manifest/{shard}.log"),
    benchmark:
        under("benchmarks/manifest/{shard}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs("manifest"),
    params:
        **stage("manifest", fingerprint("manifest", SOURCE), results=lambda wildcards: FOLDER, options=source_options),
        compared=compared_source,
        content=lambda wildcards: SHARD_DIGESTS[int(wildcards.shard)],
    message:
        "List structure files, shard {wildcards.shard}"
    shell:
        "{params.command} --shard {wildcards.shard} 2> {log:q}"
