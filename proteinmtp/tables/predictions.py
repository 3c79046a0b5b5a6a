"""Predictions: what a run, a null or a comparator predicts of each scored chain."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from proteinmtp.tables.parquet import BYTES, COORDS, FLOATS, HALFS, INT, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class PredictionRow:
    """The prediction for one chain of L residues; what nothing predicts is null."""

    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    triu: Annotated[np.ndarray, HALFS, "(P,) distances of the pairs i < j, angstrom"]
    sigma: Annotated[np.ndarray | None, HALFS, "(P,) standard deviation of the distances, angstrom"] = None
    contact: Annotated[np.ndarray | None, HALFS, "(P,) probability of a contact"] = None
    distogram: Annotated[np.ndarray | None, BYTES, "(P x bins,) how likely each bin is, see tables.distogram"] = None
    dihedral: Annotated[np.ndarray | None, HALFS, "((L-3) x bins,) logits of the bins of each pseudo-dihedral"] = None
    confidence: Annotated[np.ndarray | None, FLOATS, "(L,) expected lDDT, 0..100"] = None
    coords: Annotated[np.ndarray | None, COORDS, "(L, 3) angstrom, from what predicts a trace"] = None
    text: Annotated[str | None, TEXT, "what was written, ending with a full stop if it came to an end"] = None
    failed_residues: Annotated[int | None, INT, "residues that could not be read from the text"] = None


PREDICTIONS = Table("predictions", PredictionRow, ("chain_id", "triu", "sigma"))
