"""Find on validation chains what the confidence of a trained run is worth."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from proteinmtp.base.files import text_sha256
from proteinmtp.config import RunConfig, Section
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lddt import lddt_per_residue
from proteinmtp.predictors.network import predict_saved
from proteinmtp.predictors.traces import traces
from proteinmtp.scoring.calibration import calibrated
from proteinmtp.tables.chains import ChainSequence, read_chains
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset

CHAINS = 100
"""Validation chains that are looked at, at most; chosen by a hash of their ids."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The chains, the trained run, and what traces are rebuilt by."""

    chains: Annotated[Shards, "shards of chains"]
    split: Annotated[Path, "table of the subsets"]
    hand: Annotated[Path, "JSON with what is usual in the training chains"]
    backbone: Annotated[Path, "record of the backbone; its folder lies beside it"]
    record: Annotated[Path, "record of the trained run; its folder lies beside it"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is found."""

    calibration: Annotated[Path, "JSON with the curve"]


class Options(Section):
    """Settings of the run."""

    settings: RunConfig


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Predict validation chains, rebuild their traces, and compare what was expected of them with what they have."""
    wanted = sorted(read_subset(inputs.split, "val"), key=text_sha256)[:CHAINS]
    chains = read_chains(inputs.chains, frozenset(wanted))
    targets = [ChainSequence(chain.chain_id, chain.sequence) for chain in chains]
    predicted = list(predict_saved(options.settings, targets, backbone=inputs.backbone, record=inputs.record))
    rebuilt = traces(
        predicted,
        sequences={chain.chain_id: chain.sequence for chain in chains},
        hand=HandRecord.read(inputs.hand),
        config=options.settings.reconstruct,
    )
    expected, observed = [], []
    for chain, trace in zip(chains, rebuilt, strict=True):
        if trace.confidence is not None:
            expected.append(trace.confidence)
            observed.append(100 * _lddt(trace.coords, chain.coords))
    found = calibrated(expected, observed)
    found.write(outputs.calibration)
    logging.info("%d residues of %d chains, %d knots", found.residues, found.chains, len(found.expected))


def _lddt(coords: np.ndarray, native: np.ndarray) -> np.ndarray:
    """Return the lDDT (L,) of the residues of a trace (L, 3), in 0..1; NaN where the experiment has none."""
    model, true = (pairwise_distances(torch.from_numpy(points.astype(np.float64))) for points in (coords, native))
    of_residues: np.ndarray = lddt_per_residue(model, true).numpy()
    return of_residues
