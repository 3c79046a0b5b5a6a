"""Compute the C-alpha distances of a shard of chains."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from proteinmtp.config import Section
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import CHAINS, ChainTrace
from proteinmtp.tables.distances import DISTANCES, DistanceRow


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    chains: Annotated[Path, "shard of chains"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    distances: Annotated[Path, "shard of distances, one row for each chain, in their order"]


class Options(Section):
    """Nothing can be chosen."""


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Write the C-alpha distances of each chain of a shard; NaN where a residue was not observed."""
    DISTANCES.write(outputs.distances, _rows(inputs.chains))


def _rows(chains: Path) -> Iterator[DistanceRow]:
    for chain in CHAINS.read_as(ChainTrace, chains):
        matrix = pairwise_distances(torch.from_numpy(chain.coords.copy())).numpy()
        yield DistanceRow(chain_id=chain.chain_id, length=len(chain), triu=triangle.pack(matrix))
