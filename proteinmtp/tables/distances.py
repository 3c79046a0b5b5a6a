"""Distances: for each chain its precomputed C-alpha distances."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from proteinmtp.tables.parquet import HALFS, INT, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class DistanceRow:
    """The distances of one chain of L residues."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    triu: Annotated[np.ndarray, HALFS, "(P,) distances of the pairs i < j, angstrom; NaN where one is not observed"]


DISTANCES = Table("distances", DistanceRow, DistanceRow.__annotations__)
