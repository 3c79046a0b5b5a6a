"""Examples: the best, the median and the worst chain of a run, by TM-score."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from proteinmtp.tables.parquet import COORDS, DOUBLE, HALFS, INT, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class ExampleRow:
    """One chain to look at."""

    run: Annotated[str, TEXT, "name of the run"]
    label: Annotated[str, TEXT, "best, median or worst"]
    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    sequence: Annotated[str, TEXT, "L letters"]
    mae: Annotated[float | None, DOUBLE, "distance error, angstrom"]
    lddt: Annotated[float | None, DOUBLE, "C-alpha lDDT of the trace"]
    tm_score: Annotated[float, DOUBLE, "TM-score"]
    true_triu: Annotated[np.ndarray, HALFS, "(P,) distances in the experiment, angstrom"]
    predicted_triu: Annotated[np.ndarray, HALFS, "(P,) predicted distances, angstrom"]
    native: Annotated[np.ndarray, COORDS, "(L, 3) experiment, angstrom"]
    model: Annotated[np.ndarray, COORDS, "(L, 3) rebuilt trace superposed on the experiment, angstrom"]


EXAMPLES = Table("examples", ExampleRow, ("run", "label", "native", "model"))
