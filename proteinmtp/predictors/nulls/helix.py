"""The helix null: every chain is one ideal alpha helix.

Most residues have near neighbours in the sequence where a helix has them, so a helix gets much of what is local right
and nothing of the fold. What scores lDDT and short distances well must be read beside it. Rise, radius and turn of the
C-alpha trace: Pauling, Corey & Branson 1951 (3.6 residues a turn, pitch 5.4 angstrom).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from proteinmtp.tables.parquet import read_rows, write_rows
from proteinmtp.predictors.nulls import Tables, Target

DESCRIPTION = "one ideal alpha helix of the chain's length"

HELIX = {"rise": 1.5, "radius": 2.3, "turn": 100.0}
"""Angstrom along the axis and degrees about it from one C-alpha to the next, and angstrom from the axis."""

SCHEMA = pa.schema([(name, pa.float64()) for name in HELIX])


def fit(tables: Tables, output: Path) -> None:
    """Write the shape of the helix; nothing is learned."""
    write_rows(output, SCHEMA, [HELIX])


def predict(fitted: Path, targets: Sequence[Target]) -> Iterator[np.ndarray]:
    """Yield the distances (L, L) within a helix of each target's length, angstrom."""
    (helix,) = read_rows(fitted)
    for target in targets:
        yield helix_distances(len(target), **helix)


def helix_distances(length: int, rise: float, radius: float, turn: float) -> np.ndarray:
    """Return the distances (length, length) between the points of a helix, angstrom; `turn` is in degrees.

    At separation s the chord of the circle is 2 r sin(s turn / 2), and the way along the axis s rise.
    """
    index = np.arange(length)
    separation = np.abs(index[:, None] - index)
    return np.hypot(2 * radius * np.sin(np.radians(separation * turn) / 2), separation * rise)
