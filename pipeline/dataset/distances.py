"""Shards of precomputed distances: for each chain the upper triangle as float16."""

from pathlib import Path

import numpy as np
import torch

from pipeline.dataset.schemas import DISTANCES
from pipeline.dataset.tables import open_table, read_rows
from pipeline.geometry.distances import pack_upper, pairwise_distances


def write_distances(chains: Path, output: Path) -> None:
    """Write the C-alpha distances of each chain of a shard; NaN where a residue was not observed."""
    with open_table(output, DISTANCES) as table:
        for row in read_rows(chains, ["chain_id", "length", "coords"]):
            matrix = pairwise_distances(torch.from_numpy(row["coords"].copy())).numpy()
            table.add(row | {"triu": pack_upper(matrix).astype(np.float16)})
