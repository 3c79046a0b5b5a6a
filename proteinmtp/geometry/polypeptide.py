"""The atoms N, CA, C and O of a polypeptide from torsion angles (natural extension reference frames, Parsons 2005).

Bond lengths and angles are the averages of Engh & Huber (1991).
"""

import numpy as np

N_CA, CA_C, C_N, C_O = 1.458, 1.525, 1.329, 1.231
N_CA_C, CA_C_N, C_N_CA, CA_C_O = (np.radians(angle) for angle in (111.0, 117.2, 121.7, 120.1))


def place_atom(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, *, length: float, angle: float, torsion: np.ndarray
) -> np.ndarray:
    """Return the atom d with bond c-d, angle b-c-d and torsion a-b-c-d.

    Parameters:
        a, b, c: (..., 3), angstrom.
        length: angstrom.
        angle: radians.
        torsion: (...,), radians.

    Returns:
        (..., 3), angstrom.
    """
    axis = c - b
    axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    normal = np.cross(b - a, axis)
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    torsion = np.asarray(torsion)[..., None]
    outward = np.cos(torsion) * np.cross(normal, axis) + np.sin(torsion) * normal
    placed: np.ndarray = c + length * (-np.cos(angle) * axis + np.sin(angle) * outward)
    return placed


def build_polypeptide(phi: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """Return ideal polypeptides with trans peptide bonds, without side chains.

    Parameters:
        phi, psi: (..., L), radians; phi of the first and psi of the last residue only turn the ends.

    Returns:
        (..., L, 4, 3): atoms N, CA, C, O of each residue, angstrom.
    """
    shape = phi.shape[:-1]
    length = phi.shape[-1]
    atoms = np.zeros((*shape, length, 4, 3))
    n = np.zeros((*shape, 3))
    ca = np.broadcast_to([N_CA, 0.0, 0.0], (*shape, 3)).copy()
    before = np.broadcast_to([-0.7, 1.1, 0.3], (*shape, 3)).copy()
    for residue in range(length):
        if residue:
            n = place_atom(
                atoms[..., residue - 1, 0, :],
                atoms[..., residue - 1, 1, :],
                before,
                length=C_N,
                angle=CA_C_N,
                torsion=psi[..., residue - 1],
            )
            trans = np.full(shape, np.pi)
            ca = place_atom(atoms[..., residue - 1, 1, :], before, n, length=N_CA, angle=C_N_CA, torsion=trans)
        c = place_atom(before, n, ca, length=CA_C, angle=N_CA_C, torsion=phi[..., residue])
        oxygen = place_atom(n, ca, c, length=C_O, angle=CA_C_O, torsion=psi[..., residue] + np.pi)
        atoms[..., residue, :, :] = np.stack([n, ca, c, oxygen], axis=-2)
        before = c
    return atoms
