"""Coordinates as text and back: what the string baseline writes after the residues.

A residue is a line of three whole angstroms, `12 -3 7`, or `?` where it is not observed; `;` closes a line, `.` the
last one. Rounding to whole angstroms costs 0.5 angstrom RMSD, little beside the errors of predictions; tenths would make
the text a third longer.

The numbers are in a frame that the chain itself fixes, so that a moved or turned protein has the same text. The origin
is the mean of the observed residues; x points along the first moment of the chain, from its beginning to its end as a
whole; y along what the second moment (from the middle to both ends) has across x; z is their cross product. There are
no signs to choose, the rotation is proper, and mirror images differ in the sign of z.
"""

import re
from dataclasses import dataclass

import numpy as np

SYMBOLS = "0123456789- ?;."
UNKNOWN, LINE_END, TEXT_END = "?", ";", "."
LONGEST_LINE = len("-9999 -9999 -9999;")
MOMENTS = (1, 2, 3)
COLLINEAR = 1e-4
"""A moment whose part across the axes before it is below this share of its greatest size gives no axis."""

_LINE = re.compile(" ".join(["(-?[0-9]{1,4})"] * 3))
_INDEX = {symbol: index for index, symbol in enumerate(SYMBOLS)}


@dataclass(frozen=True)
class Reading:
    """What could be read from a text.

    Attributes:
        text: as it was written, up to the end symbol or to where writing was cut off.
        coords: (L, 3) angstrom, NaN for residues without a position.
        failed: residues without a position, because their line is missing, cut off or not three integers.
        lines: lines that were closed; those beyond L are not read.
        ended: whether the end symbol came.
    """

    text: str
    coords: np.ndarray
    failed: int
    lines: int
    ended: bool


def write(coords: np.ndarray) -> str:
    """Return the text of coordinates (L, 3), angstrom, NaN where not observed."""
    return LINE_END.join(_lines(coords)) + TEXT_END


def read(text: str, length: int) -> Reading:
    """Read a text strictly: a line counts if it is closed and holds three integers with one space between them.

    Parameters:
        text: any text.
        length: residues of the chain.
    """
    body, end, _ = text.partition(TEXT_END)
    lines = body.split(LINE_END)
    if not end:
        lines = lines[:-1]
    coords = np.full((length, 3), np.nan)
    for row, line in zip(coords, lines, strict=False):
        found = _LINE.fullmatch(line)
        if found:
            row[:] = [int(number) for number in found.groups()]
    return Reading(body + end, coords, int(np.isnan(coords[:, 0]).sum()), len(lines), bool(end))


def encode(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the symbols of the text of coordinates and which of them count in training.

    Parameters:
        coords: (L, 3), angstrom, NaN where not observed.

    Returns:
        (T,) indices of `SYMBOLS`, and (T,) bool, False in the lines of unobserved residues.
    """
    lines = _lines(coords)
    counted = np.repeat(np.isfinite(coords).all(1), [len(line) + 1 for line in lines])
    return np.array([_INDEX[symbol] for symbol in LINE_END.join(lines) + TEXT_END]), counted


def index(symbol: str) -> int:
    """Return the index of a symbol."""
    return _INDEX[symbol]


def decode(symbols: list[int]) -> str:
    """Return the text of symbol indices."""
    return "".join(SYMBOLS[symbol] for symbol in symbols)


def in_own_frame(coords: np.ndarray) -> np.ndarray:
    """Return coordinates (L, 3), angstrom, in the frame that the order of the residues fixes; NaN stays NaN.

    Where all observed residues lie on a line, or are fewer than three, any axes across it do.
    """
    seen = np.isfinite(coords).all(1)
    if not seen.any():
        return coords
    centred = coords - coords[seen].mean(0)
    place = np.linspace(-1, 1, len(coords))[seen]
    greatest = np.linalg.norm(centred[seen], axis=1).sum() or 1.0
    moments = [place**order @ centred[seen] / greatest for order in MOMENTS]
    axes: list[np.ndarray] = []
    for vector in (*moments, *np.eye(3)):
        across = vector - sum((vector @ axis) * axis for axis in axes)
        size = np.linalg.norm(across)
        if size > COLLINEAR and len(axes) < 2:
            axes.append(across / size)
    return centred @ np.stack([*axes, np.cross(axes[0], axes[1])]).T


def _lines(coords: np.ndarray) -> list[str]:
    rounded = np.rint(in_own_frame(coords.astype(np.float64)))
    return [UNKNOWN if np.isnan(row).any() else " ".join(f"{number:.0f}" for number in row + 0.0) for row in rounded]
