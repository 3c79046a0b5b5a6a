"""Traces: the C-alpha coordinates of each predicted chain, rebuilt or as they were predicted."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from proteinmtp.tables.parquet import COORDS, DOUBLE, FLOATS, INT, TEXT, Table

AS_PREDICTED = "none"
"""The method where the prediction is a trace, of which nothing was rebuilt."""


@dataclass(frozen=True, kw_only=True)
class TraceRow:
    """The trace of one chain of L residues."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    coords: Annotated[np.ndarray, COORDS, "(L, 3) C-alpha positions, angstrom"]
    method: Annotated[str, TEXT, "of reconstruction; none where the prediction is a trace"]
    stress: Annotated[float, DOUBLE, "root mean square difference from the known distances, angstrom"]
    mirror_margin: Annotated[float, DOUBLE, "log-likelihood ratio of the chosen hand, nats per residue"]
    mixed_hand: Annotated[float, DOUBLE, "fraction of the chain in segments of the other hand"]
    error_reach: Annotated[float | None, DOUBLE, "residues over which errors are alike; null if not asked"]
    confidence: Annotated[np.ndarray | None, FLOATS, "(L,) expected lDDT, 0..100; null if nothing says it"] = None
    energy: Annotated[float | None, DOUBLE, "nats, under the predicted distances and turns; null if not asked"] = None


TRACES = Table("traces", TraceRow, ("chain_id", "coords", "stress"))
