"""Predictions of a trained run for the chains of one shard that belong to a subset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import RunConfig, Section
from proteinmtp.predictors.network import predict_saved
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.predictions import PREDICTIONS
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
    rows = predict_saved(options.settings, chains, backbone=inputs.backbone, record=inputs.record)
    PREDICTIONS.write(outputs.predictions, rows)
