"""Matrices in a table: the pairs i < j, row by row, as float16; the only place that knows how they are packed."""

import numpy as np

from proteinmtp.geometry.distances import pack_upper, unpack_upper

LARGEST = float(np.finfo(np.float16).max)
"""What is larger is written as this: 65504 angstrom."""


def pack(matrix: np.ndarray) -> np.ndarray:
    """Return the pairs i < j of a symmetric matrix (L, L), row by row, as float16 (P,); NaN stays NaN."""
    packed: np.ndarray = np.minimum(pack_upper(matrix), LARGEST).astype(np.float16)
    return packed


def unpack(packed: np.ndarray, length: int) -> np.ndarray:
    """Return the symmetric matrix (L, L) with zero diagonal that was packed, as float64.

    Raises:
        ValueError: if the number of pairs does not fit `length`.
    """
    return unpack_upper(packed.astype(np.float64), length)
