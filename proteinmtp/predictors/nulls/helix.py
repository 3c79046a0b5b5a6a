"""The helix null: every chain is one ideal alpha helix.

Most residues have near neighbours in the sequence where a helix has them, so a helix gets much of what is local right
and nothing of the fold. What scores lDDT and short distances well must be read beside it. Rise, radius and turn of the
C-alpha trace: Pauling, Corey & Branson 1951 (3.6 residues a turn, pitch 5.4 angstrom).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from proteinmtp.predictors.null import NullBase, TrainingTables
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.tables.parquet import DOUBLE, Table


@dataclass(frozen=True, kw_only=True)
class HelixRow:
    """A helix of C-alpha atoms."""

    rise: Annotated[float, DOUBLE, "angstrom along the axis from one residue to the next"]
    radius: Annotated[float, DOUBLE, "angstrom from the axis"]
    turn: Annotated[float, DOUBLE, "degrees about the axis from one residue to the next"]

    def distances(self, length: int) -> np.ndarray:
        """Return the distances (length, length) between the residues, angstrom.

        At separation s the chord of the circle is 2 r sin(s turn / 2), and the way along the axis s rise.
        """
        index = np.arange(length)
        separation = np.abs(index[:, None] - index)
        chord = 2 * self.radius * np.sin(np.radians(separation * self.turn) / 2)
        distances: np.ndarray = np.hypot(chord, separation * self.rise)
        return distances


HELICES = Table("helix null", HelixRow, HelixRow.__annotations__)

ALPHA = HelixRow(rise=1.5, radius=2.3, turn=100.0)


class Null(NullBase):
    """One ideal alpha helix of the chain's length."""

    DESCRIPTION = "one ideal alpha helix of the chain's length"

    def fit(self, tables: TrainingTables, output: Path) -> None:
        """Write the shape of the helix; nothing is learned."""
        HELICES.write(output, [ALPHA])

    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[np.ndarray]:
        """Yield the distances (L, L) within a helix of each target's length, angstrom."""
        (helix,) = HELICES.read(fitted)
        for target in targets:
            yield helix.distances(len(target))
