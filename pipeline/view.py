"""Put together what a reader of the report sees of some chains: traces superposed on the experiment, and maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from proteinmtp.config import Section
from proteinmtp.geometry.superposition import superpose
from proteinmtp.tables.chains import read_chains
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.tables.traces import TRACES
from proteinmtp.tables.views import VIEWS, ViewRow, sample


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    predictions: Annotated[Shards, "what was predicted"]
    traces: Annotated[Shards, "traces rebuilt from it"]
    chains: Annotated[Shards, "chains as the experiment has them"]
    split: Annotated[Path, "table with the subset of each chain"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    views: Annotated[Path, "one row for each chain that can be opened in the report"]


class Options(Section):
    """Whose predictions they are, of which subset, and how many chains are shown."""

    run: str
    subset: str
    shown: int


@dataclass(frozen=True)
class _Seen:
    """The columns of a prediction that are looked at."""

    chain_id: str
    triu: np.ndarray
    sigma: np.ndarray | None
    contact: np.ndarray | None


@dataclass(frozen=True)
class _Rebuilt:
    """The columns of a trace that are looked at."""

    chain_id: str
    coords: np.ndarray
    confidence: np.ndarray | None


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Write the views of the chains that are shown, in the order of the tables."""
    VIEWS.write(outputs.views, _views(inputs, options))


def _views(inputs: Inputs, options: Options) -> Iterator[ViewRow]:
    wanted = set(sample(read_subset(inputs.split, options.subset), options.shown))
    natives = {chain.chain_id: chain for chain in read_chains(inputs.chains, wanted)}
    for predictions, traces in zip(inputs.predictions, inputs.traces, strict=True):
        rebuilt = {row.chain_id: row for row in TRACES.read_as(_Rebuilt, traces) if row.chain_id in wanted}
        for row in PREDICTIONS.read_as(_Seen, predictions):
            if row.chain_id not in wanted:
                continue
            native, trace = natives[row.chain_id], rebuilt[row.chain_id]
            coords = torch.from_numpy(trace.coords.astype(np.float64))
            yield ViewRow(
                run=options.run,
                chain_id=row.chain_id,
                length=len(native),
                sequence=native.sequence,
                native=native.coords,
                model=superpose(coords, torch.from_numpy(native.coords.astype(np.float64))).numpy(),
                triu=row.triu,
                sigma=row.sigma,
                contact=row.contact,
                confidence=trace.confidence,
            )
