# The settings that single rules use, where they do not fit a line.


def source_options(wildcards):
    """Return the settings of the source, and the number of shards."""
    return options(source=source_in_use(), shards=len(SHARDS))


def compared_source(wildcards):
    """Return the settings of the source, but for those that say how fast it downloads, and the number of shards."""
    source = source_in_use()
    rates = {name: getattr(type(source.rcsb)(), name) for name in RATES}
    return options(source=source.model_copy(update={"rcsb": source.rcsb.model_copy(update=rates)}), shards=len(SHARDS))


def split_options(wildcards):
    """Return the settings of the division, and its seed where it is drawn."""
    return options(split=split_in_use(), seed=CONFIG.seed if CONFIG.split.method in DRAWN else 0)


def local_content(wildcards):
    """Return the hashes of a local model, whose replacement in place must be noticed; the others have their settings."""
    folder = Path(BACKBONES[wildcards.backbone].path or "")
    return [LOCAL_HASHES[path] for path in LOCAL_FILES if path.parent == folder]


def pretraining_options(wildcards):
    """Return the settings of the pretraining of a backbone."""
    _, (first, *_) = PRETRAINED[wildcards.pretrained]
    _, backbone = backbone_settings(first)
    return options(backbone=backbone, split=split_in_use(), max_unknown=CONFIG.parse.max_unknown, seed=CONFIG.seed)


def fasta_content(wildcards):
    """Return the hashes of the FASTA files of a pretraining."""
    return [FASTA_HASHES[Path(path)] for path in pretraining(wildcards).fasta]


def pretraining_code(wildcards):
    """Return the fingerprint of pretraining with what it rests on outside the code."""
    return text_sha256(fingerprint("pretrain"), PINS, told(TRAINS["pretrain"](wildcards)))[:16]


def training_options(wildcards):
    """Return the settings of a run that training uses, and its seed."""
    return options(settings=settings_of(wildcards.run, "predict", "reconstruct"), seed=SEED_OF[wildcards.run])


def predicting(run, *unused):
    """Return the settings of a run for prediction, which on the CPU takes each chain alone; see `settings_of`."""
    settings = settings_of(run, *unused)
    alone = settings.predict.model_copy(update={"batch_size": type(settings.predict)().batch_size})
    return settings if settings.train.gpus else settings.model_copy(update={"predict": alone})


def prediction_options(wildcards):
    """Return the settings of a run that prediction uses, and the subset that is scored."""
    return options(settings=predicting(wildcards.run, "reconstruct"), subset=CONFIG.evaluate.subset)


def comparator_options(wildcards):
    """Return name and folder of a comparator, and the subset that is scored."""
    name = wildcards.comparator
    return options(name=name, folder=COMPARATORS[name], subset=CONFIG.evaluate.subset)


def null_options(wildcards):
    """Return the settings of a null and the subset that is scored."""
    null = NULLS[wildcards.null]
    return options(null=null.module, subset=CONFIG.evaluate.subset, points=null.points)


def package_options(wildcards):
    """Return the name and the settings of a run, and the kind of its source."""
    run = wildcards.run
    return options(run=run, source=CONFIG.source.kind, settings=settings_of(run))


def view_options(wildcards):
    """Return the run, the subset that is scored, and how many chains are shown."""
    return options(run=wildcards.shown, subset=CONFIG.evaluate.subset, shown=CONFIG.report.chains)


def captioned(name, category, label):
    """Return a file of the report as one that `snakemake --report` shows, with the caption of its name."""
    caption = f"../workflow/report/{Path(name).stem}.rst"
    return report(under(f"report/{name}"), caption=caption, category=category, labels={"file": label})


def report_options(wildcards):
    """Return all settings, and what the parts of the config come to."""
    return options(
        config=CONFIG,
        settings={run: settings_of(run) for run in RUNS},
        pretrained=PRETRAINED_OF,
        shown=named([*CONFIG.runs, *CONFIG.comparators]),
        nulls=named(NULLS.values()),
        beside={entry.name: catalogue.nulls_beside(entry.name, CONFIG) for entry in CONFIG.runs},
    )


def provenance_options(wildcards):
    """Return all settings, seeds, what is made by its path in the results, and hashes of what is read."""
    return options(
        config=CONFIG,
        seeds=SEED_OF,
        shards=len(SHARDS),
        tables=TABLES,
        files=SINGLE,
        folders=FOLDERS,
        inputs={
            **{f"comparators ({name}).folder": digest for name, digest in COMPARATOR_DIGESTS.items()},
            **{f"sequences ({name}).file": digest for name, digest in SEQUENCES_DIGESTS.items()},
            **{f"backbone.pretrain.fasta {path}": digest for path, digest in FASTA_HASHES.items()},
            **{f"backbone.path {path}": digest for path, digest in LOCAL_HASHES.items()},
        },
    )
