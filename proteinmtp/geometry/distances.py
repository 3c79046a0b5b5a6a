"""Distance matrices and their packed form.

Shapes: L residues, P = L(L-1)/2 pairs i < j in row-major order. Units are angstrom.
"""

import numpy as np
from torch import Tensor


def pairwise_distances(coords: Tensor) -> Tensor:
    """Return all distances between points.

    Parameters:
        coords: (..., L, 3); NaN where not observed.

    Returns:
        (..., L, L), NaN in rows and columns that are not observed. Differences are taken before squares, so
        the diagonal is exactly zero and the result does not suffer from cancellation.
    """
    distances: Tensor = (coords[..., :, None, :] - coords[..., None, :, :]).norm(dim=-1)
    return distances


def pack_upper(matrix: np.ndarray) -> np.ndarray:
    """Return the pairs i < j of a symmetric matrix (L, L), row by row: (P,)."""
    packed: np.ndarray = matrix[_upper(len(matrix))]
    return packed


def unpack_upper(packed: np.ndarray, length: int) -> np.ndarray:
    """Return the symmetric matrix (L, L) with zero diagonal whose pairs i < j are `packed` (P,).

    Raises:
        ValueError: if the number of pairs does not fit `length`.
    """
    pairs = length * (length - 1) // 2
    if len(packed) != pairs:
        raise ValueError(f"{length} residues have {pairs} pairs, got {len(packed)}")
    matrix = np.zeros((length, length), dtype=packed.dtype)
    matrix[_upper(length)] = packed
    return matrix + matrix.T


def _upper(length: int) -> np.ndarray:
    """Return (L, L), True where i < j; as an index several times as fast as `np.triu_indices`."""
    return ~np.tri(length, dtype=bool)
