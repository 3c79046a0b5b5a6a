"""Training of one run: from chains, split and backbone to a saved model, its record and its history.

Checkpoints are no outputs, which Snakemake deletes when a job fails: they lie in a folder named after the inputs, the
settings and the code.
"""

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch

from proteinmtp.base.files import file_sha256, text_sha256
from proteinmtp.config import PAUSES, RunConfig, Section
from proteinmtp.model.backbone import compute_type
from proteinmtp.model.build import LATER, build_network, save_network
from proteinmtp.model.network import Network
from proteinmtp.model.tokens import SLOT, ResidueTokenizer
from proteinmtp.tables.chains import Chain, read_chains
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.saved_files import SavedBackbone, SavedRun, hashed, model_folder
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.training.loop import TrainingRun, trained, with_pauses


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Chains of all subsets, and what they are trained on."""

    chains: Annotated[Shards, "chains"]
    distances: Annotated[Shards, "their distances, in the same order; read where train.distances is stored"]
    split: Annotated[Path, "table of the subsets"]
    backbone: Annotated[Path, "record of the backbone; its folder lies beside it"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The trained run."""

    record: Annotated[Path, "JSON: what the model was made from, its size, and the sha256 of its files"]
    history: Annotated[Path, "Parquet: a row for each validation"]
    model: Annotated[Path, "folder of the saved model, beside the record"]


class Options(Section):
    """Name and settings of the run, seed, fingerprint of the code, and the folder for the checkpoints of all runs.

    When it is saved and stopped stands beside the settings, since it changes nothing in the result; 0: as they say.
    """

    run: str
    settings: RunConfig
    seed: int
    code: str
    work: str
    checkpoint_every: int = 0
    max_seconds: int = 0


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Train one run and save it; of several processes, one writes."""
    backbone = SavedBackbone.read(inputs.backbone)
    if os.environ.get("RANK", "0") == "0":  # one process of several is enough
        backbone.check(model_folder(inputs.backbone), inputs.backbone)
    settings, folder = options.settings, model_folder(inputs.backbone)
    tokenizer = ResidueTokenizer.from_folder(folder)
    training = _chains(inputs, options, "train")

    def build() -> Network[Any]:
        network = build_network(settings, folder, dtype=compute_type(settings.train), seed=options.seed)
        network.fit([torch.from_numpy(chain.coords) for chain in training])
        return network

    job = TrainingRun(
        name=options.run,
        section="train",
        options=with_pauses(settings.train, checkpoint_every=options.checkpoint_every, max_seconds=options.max_seconds),
        seed=options.seed,
        training=training,
        validation=_chains(inputs, options, "val"),
        build=build,
        tokens=tokenizer,
        work=Path(options.work) / f"{options.run}-{_key(inputs, options)}",
    )
    with trained(job) as result:
        if result.main:
            shutil.rmtree(outputs.model, ignore_errors=True)
            save_network(result.network, tokenizer=tokenizer, config=options.settings, folder=outputs.model)
            HISTORY.write(outputs.history, result.history)
            SavedRun(
                run=options.run,
                slot_token={"token": SLOT, "id": tokenizer.slot_id},
                steps=result.steps,
                saved_step=result.saved_step,
                backbone=file_sha256(inputs.backbone),
                trained_parameters=result.trained_parameters,
                parameters=result.parameters,
                files=hashed(outputs.model),
            ).write(outputs.record)
            logging.info("saved %s", outputs.model)


def _chains(inputs: Inputs, options: Options, subset: str) -> list[Chain]:
    stored = inputs.distances if options.settings.train.distances == "stored" else None
    chains = read_chains(inputs.chains, read_subset(inputs.split, subset), stored)
    if stored is not None:
        size = sum(chain.triu.nbytes for chain in chains if chain.triu is not None)
        logging.info(
            "distances of %d %s chains: %.1f MB from %s", len(chains), subset, size / 1e6, ", ".join(map(str, stored))
        )
    return chains


def _key(inputs: Inputs, options: Options) -> str:
    """Return what names the checkpoints: they are of use to a run with the same inputs, settings and code alone."""
    files = [*inputs.chains, inputs.split, inputs.backbone]
    if options.settings.train.distances == "stored":
        files.extend(inputs.distances)
    settings = options.settings.model_dump_json(exclude={**dict.fromkeys(LATER, True), "train": set(PAUSES)})
    return text_sha256(settings, str(options.seed), options.code, *map(file_sha256, files))[:16]
