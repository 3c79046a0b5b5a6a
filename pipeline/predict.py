"""Predictions of a trained run for the chains of one shard that belong to a subset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import RunConfig, Section
from proteinmtp.predictors.network import predict_chains
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.saved_files import SavedBackbone, SavedRun, model_folder
from proteinmtp.tables.split import read_subset


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The chains and the trained run."""

    chains: Annotated[Path, "shard of chains, of which the sequences are read"]
    split: Annotated[Path, "table of the subsets"]
    backbone: Annotated[Path, "record of the backbone; its folder lies beside it"]
    record: Annotated[Path, "record of the trained run; its folder lies beside it"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is predicted."""

    predictions: Annotated[Path, "Parquet, in the order of the shard"]


class Options(Section):
    """Settings of the run, and the subset: train, val or test."""

    settings: RunConfig
    subset: str


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Predict the chains of a shard; without any, backbone and trained run are neither checked nor loaded."""
    wanted = read_subset(inputs.split, options.subset)
    chains = [chain for chain in CHAINS.read_as(ChainSequence, inputs.chains) if chain.chain_id in wanted]
    if chains:
        backbone = SavedBackbone.read(inputs.backbone)
        if options.settings.train.tuning != "full":  # else the run has weights of its own
            backbone.check(model_folder(inputs.backbone), inputs.backbone)
        SavedRun.read(inputs.record).check(model_folder(inputs.record), inputs.record)
    rows = predict_chains(
        options.settings, chains, backbone=model_folder(inputs.backbone), saved=model_folder(inputs.record)
    )
    PREDICTIONS.write(outputs.predictions, rows)
