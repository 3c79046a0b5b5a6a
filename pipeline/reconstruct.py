"""Rebuild the C-alpha traces of a shard of predictions, as a table and as PDB files."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from proteinmtp.base.files import file_name
from proteinmtp.base.logs import Progress
from proteinmtp.config import ReconstructConfig, Section
from proteinmtp.predictors.traces import held_together, traces
from proteinmtp.structures.writing import write_trace
from proteinmtp.tables.calibration import Calibration
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.parquet import count_rows
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.traces import TRACES


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    predictions: Annotated[Path, "shard of predictions"]
    chains: Annotated[Path, "shard of chains, for their sequences"]
    hand: Annotated[Path, "JSON with what is usual in the training chains"]
    calibration: Annotated[
        tuple[Path, ...], "JSON with what confidence is worth; without it a distogram promises nothing"
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    traces: Annotated[Path, "traces, one row for each prediction, in their order"]
    pdb: Annotated[Path, "folder with one PDB file for each chain, the confidence in its B-factor column"]


class Options(Section):
    """How traces are rebuilt."""

    reconstruct: ReconstructConfig


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Rebuild the traces of a shard."""
    hand = HandRecord.read(inputs.hand)
    if not any(map(any, hand.counts)):
        logging.warning("no training chain, so the mirror image is left to chance")
    sequences = {chain.chain_id: chain.sequence for chain in CHAINS.read_as(ChainSequence, inputs.chains)}
    curve = Calibration.read(inputs.calibration[0]) if inputs.calibration else None
    meter = Progress("reconstruct", count_rows(inputs.predictions))
    outputs.pdb.mkdir(parents=True, exist_ok=True)
    with TRACES.open(outputs.traces) as table:
        for predictions in held_together(PREDICTIONS.read(inputs.predictions)):
            rebuilt = traces(predictions, sequences=sequences, hand=hand, config=options.reconstruct, meter=meter)
            for prediction, trace in zip(predictions, rebuilt, strict=True):
                confidence = _worth(trace.confidence, curve) if curve else prediction.confidence
                table.add(replace(trace, confidence=confidence))
                write_trace(
                    outputs.pdb / file_name(trace.chain_id, ".pdb"),
                    sequence=sequences[trace.chain_id],
                    coords=trace.coords,
                    confidence=confidence,
                )
    meter.close()


def _worth(expected: np.ndarray | None, calibration: Calibration) -> np.ndarray | None:
    return None if expected is None else calibration.apply(expected)
