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
import torch

from proteinmtp.geometry.bins import around
from proteinmtp.geometry.chirality import pseudo_dihedrals
from proteinmtp.geometry.torsion import turns_around
from proteinmtp.predictors.null import Guess, NullBase, TrainingTables
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.tables.parquet import DOUBLE, Table


@dataclass(frozen=True, kw_only=True)
class HelixRow:
    """A helix of C-alpha atoms."""

    rise: Annotated[float, DOUBLE, "angstrom along the axis from one residue to the next"]
    radius: Annotated[float, DOUBLE, "angstrom from the axis"]
    turn: Annotated[float, DOUBLE, "degrees about the axis from one residue to the next"]

    def coords(self, length: int) -> np.ndarray:
        """Return the atoms (length, 3), angstrom."""
        index = np.arange(length)
        angle = np.radians(self.turn) * index
        return np.stack([self.radius * np.cos(angle), self.radius * np.sin(angle), self.rise * index], 1)

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

WIDTH, TURN_WIDTH = 0.5, 0.2
"""Standard deviations that stand for certainty: angstrom of distances, radians of turns."""

ALPHA = HelixRow(rise=1.5, radius=2.3, turn=100.0)


class Null(NullBase):
    """One ideal alpha helix of the chain's length."""

    DESCRIPTION = "one ideal alpha helix of the chain's length"

    def fit(self, tables: TrainingTables, output: Path) -> None:
        """Write the shape of the helix; nothing is learned."""
        HELICES.write(output, [ALPHA])

    def predict(self, fitted: Path, targets: Sequence[ChainSequence]) -> Iterator[Guess]:
        """Yield the distances within a helix of each target's length, and its turns, both nearly certain."""
        (helix,) = HELICES.read(fitted)
        (turn,) = pseudo_dihedrals(torch.from_numpy(helix.coords(4)))
        for target in targets:
            distances = helix.distances(len(target))
            yield Guess(
                distances=distances,
                likely=around(torch.from_numpy(triangle.pack(distances)), WIDTH).numpy(),
                turns=turns_around(turn.expand(max(len(target) - 3, 0)), TURN_WIDTH).numpy(),
            )
