"""Views: what a reader of the report sees of a chain that can be opened in it, for each run."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from proteinmtp.base.files import text_sha256
from proteinmtp.tables.parquet import COORDS, FLOATS, HALFS, INT, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class ViewRow:
    """One chain of L residues as a run, null or comparator predicts it; what nothing predicts is null."""

    run: Annotated[str, TEXT, "name of the run"]
    chain_id: Annotated[str, TEXT, "of the chain"]
    length: Annotated[int, INT, "L, residues"]
    sequence: Annotated[str, TEXT, "L letters"]
    native: Annotated[np.ndarray, COORDS, "(L, 3) experiment, angstrom; NaN where not observed"]
    model: Annotated[np.ndarray, COORDS, "(L, 3) trace superposed on the experiment, angstrom"]
    triu: Annotated[np.ndarray, HALFS, "(P,) predicted distances, angstrom"]
    sigma: Annotated[np.ndarray | None, HALFS, "(P,) their standard deviation, angstrom"]
    contact: Annotated[np.ndarray | None, HALFS, "(P,) probability of a contact"]
    confidence: Annotated[np.ndarray | None, FLOATS, "(L,) expected lDDT, 0..100"]


VIEWS = Table("views", ViewRow, ("run", "native", "model"))


def sample(chain_ids: Collection[str], size: int) -> list[str]:
    """Return so many of the chains, sorted, chosen by a hash of their ids: the same ones in every run."""
    return sorted(sorted(chain_ids, key=text_sha256)[:size])
