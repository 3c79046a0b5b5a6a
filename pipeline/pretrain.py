"""Training of a backbone on sequences before the runs: from chains, split and FASTA files to a folder for runs.

Checkpoints are no outputs; see `pipeline.train`.
"""

import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import file_sha256, text_sha256
from proteinmtp.base.space import writing
from proteinmtp.config import PAUSES, BackboneConfig, Section, SplitConfig, TrainConfig
from proteinmtp.model.backbone import Architecture, compute_type, load_backbone
from proteinmtp.model.backbone_folder import save_backbone
from proteinmtp.model.residue_model import ResidueModel
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.splitting.pretraining import Corpus, corpus
from proteinmtp.structures.fasta import read_fasta
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.saved_files import SavedBackbone, hashed, model_folder
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.training.loop import Trained, TrainingRun, trained, with_pauses
from proteinmtp.training.perplexity import perplexities


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Chains of all subsets, and the backbone to begin with."""

    chains: Annotated[Shards, "chains, of which the sequences are read"]
    split: Annotated[Path, "table of the subsets"]
    backbone: Annotated[Path, "record of the backbone; its folder lies beside it"]
    fasta: Annotated[tuple[Path, ...], "FASTA files"] = ()


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The pretrained backbone."""

    record: Annotated[Path, "JSON: where the model comes from, and the sha256 of its files"]
    summary: Annotated[Path, "JSON: what it was trained on, and perplexities"]
    history: Annotated[Path, "Parquet: a row for each validation"]
    model: Annotated[Path, "folder of the model, beside the record"]


class Options(Section):
    """Name and settings of the backbone, split, unknown residues, seed, fingerprint of the code, and checkpoints."""

    name: str
    backbone: BackboneConfig
    split: SplitConfig
    max_unknown: float
    seed: int
    code: str
    work: str
    checkpoint_every: int = 0
    max_seconds: int = 0
    threads: int = 1


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Pretrain one backbone and save it; of several processes, one writes."""
    begin = SavedBackbone.read(inputs.backbone)
    folder = model_folder(inputs.backbone)
    if os.environ.get("RANK", "0") == "0":  # one process of several is enough
        begin.check(folder, inputs.backbone)
    tokenizer = ResidueTokenizer.from_folder(folder)
    chains, fasta = _met(inputs, options)
    learnt = _corpus(inputs, options, chains, fasta)
    validation = _subset(inputs, "val")
    model = _model(folder, tokenizer, options)
    job = TrainingRun(
        name=f"backbone {options.name}",
        section="backbone.pretrain",
        options=with_pauses(
            options.backbone.pretrain, checkpoint_every=options.checkpoint_every, max_seconds=options.max_seconds
        ),
        seed=options.seed,
        training=[ChainSequence(str(number), piece) for number, piece in enumerate(learnt.pieces)],
        validation=validation,
        build=lambda: model,
        tokens=tokenizer,
        work=Path(options.work) / f"{options.name}-{_key(inputs, options)}",
    )
    with trained(job) as result:
        if result.main:
            shutil.rmtree(outputs.model, ignore_errors=True)
            save_backbone(model.backbone, begun_with=folder, folder=outputs.model)
            HISTORY.write(outputs.history, result.history)
            summary = _summary(
                options.name,
                result,
                learnt,
                chains=len(chains),
                fasta=len(fasta),
                validation=validation,
                tokens=tokenizer,
                batch_size=options.backbone.pretrain.batch_size,
            )
            summary.write(outputs.summary)
            origin = f"{begin.origin}, pretrained on {len(learnt.sequences):,} sequences"
            SavedBackbone(origin=origin, files=hashed(outputs.model)).write(outputs.record)
            logging.info("saved %s", outputs.model)


def _corpus(inputs: Inputs, options: Options, chains: list[str], fasta: list[str]) -> Corpus:
    held = [chain.sequence for subset in ("val", "test") for chain in _subset(inputs, subset)]
    with tempfile.TemporaryDirectory(prefix="mmseqs-") as scratch, writing(Path(scratch)):
        learnt = corpus(
            chains,
            fasta,
            held=held,
            config=options.backbone.pretrain,
            split=options.split,
            max_unknown=options.max_unknown,
            folder=Path(scratch),
            threads=options.threads,
        )
    if not learnt.sequences:
        raise DataError(f"there is no sequence to pretrain on; left out: {dict(learnt.left_out)}")
    logging.info(
        "%d of %d sequences of chains and %d of files are learnt; left out: %s",
        len(learnt.sequences), len(chains), len(fasta), dict(learnt.left_out),
    )  # fmt: skip
    return learnt


def _met(inputs: Inputs, options: Options) -> tuple[list[str], list[str]]:
    chains = [chain.sequence for chain in _subset(inputs, "train")] if options.backbone.pretrain.chains else []
    return chains, [sequence for path in inputs.fasta for sequence in read_fasta(path)]


def _subset(inputs: Inputs, subset: str) -> list[ChainSequence]:
    wanted = read_subset(inputs.split, subset)
    return [chain for chain in CHAINS.read_as(ChainSequence, *inputs.chains) if chain.chain_id in wanted]


def _model(folder: Path, tokenizer: ResidueTokenizer, options: Options) -> ResidueModel:
    config = options.backbone.pretrain
    torch.manual_seed(options.seed)
    loaded = TrainConfig(tuning="full", gradient_checkpointing=config.gradient_checkpointing, gpus=config.gpus)
    backbone = load_backbone(folder, loaded, dtype=compute_type(config))
    encoder = Architecture.of(backbone.config).encoder
    masked = config.objective == "masked" or (config.objective == "auto" and encoder)
    return ResidueModel(backbone, masked=masked, tokens=tokenizer)


def _summary(
    name: str,
    result: Trained[ResidueModel],
    learnt: Corpus,
    *,
    chains: int,
    fasta: int,
    validation: list[ChainSequence],
    tokens: ResidueTokenizer,
    batch_size: int,
) -> PretrainingSummary:
    model = result.network
    perplexity, unigram, asked = perplexities(
        model,
        validation,
        trained_on=learnt.sequences,
        tokens=tokens,
        batch_size=batch_size,
        device=next(model.parameters()).device,
    )
    return PretrainingSummary(
        name=name,
        objective="masked" if model.masked else "causal",
        chains=chains,
        fasta=fasta,
        left_out=dict(learnt.left_out),
        relatives_looked_for=learnt.relatives_looked_for,
        sequences=len(learnt.sequences),
        pieces=len(learnt.pieces),
        residues=sum(map(len, learnt.pieces)),
        steps=result.steps,
        saved_step=result.saved_step,
        validation_chains=len(validation),
        validation_residues=asked,
        perplexity=perplexity,
        unigram_perplexity=unigram,
    )


def _key(inputs: Inputs, options: Options) -> str:
    """Return what names the checkpoints: they are of use with the same inputs, settings and code alone."""
    files = [*inputs.chains, inputs.split, inputs.backbone, *inputs.fasta]
    settings = options.backbone.model_dump_json(exclude={"pretrain": set(PAUSES)})
    rest = (options.split.model_dump_json(), str(options.max_unknown), str(options.seed), options.code)
    return text_sha256(settings, *rest, *map(file_sha256, files))[:16]
