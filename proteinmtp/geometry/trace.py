"""What a C-alpha trace looks like by itself: its size, and bonds that no protein has."""

import numpy as np

from proteinmtp.geometry.constants import BOND_TOLERANCE, CIS_BOND, TRANS_BOND


def radius_of_gyration(coords: np.ndarray) -> float:
    """Return the root mean square distance (N, 3) of the points from their centre, angstrom."""
    return float(np.sqrt(np.square(coords - coords.mean(0)).sum(1).mean()))


def bond_violations(coords: np.ndarray, places: np.ndarray) -> float | None:
    """Return the share of bonds that are neither trans nor cis; None without bonds.

    Parameters:
        coords: (N, 3), angstrom.
        places: (N,) place in the sequence; a bond joins neighbours.
    """
    bonds = np.linalg.norm(np.diff(coords, axis=0), axis=1)[np.diff(places) == 1]
    if not len(bonds):
        return None
    off = np.minimum(np.abs(bonds - TRANS_BOND), np.abs(bonds - CIS_BOND)) > BOND_TOLERANCE
    return float(off.mean())
