"""Coordinates as text and back: what the string baseline writes after the residues.

A residue is a line of three whole angstroms, `12 -3 7`, or `?` where it is not observed; `;` closes a line, `.` the
last one. Rounding costs 0.5 angstrom RMSD, little beside the errors of predictions; with tenths the text would be a
third longer.

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


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What could be read from a text.

    Attributes:
        text: as it was written, up to the end symbol or to where writing was cut off.
        coords: (L, 3) angstrom, NaN for residues without a position.
        failed: residues whose line is missing, cut off, or neither three integers nor the sign for unobserved.
        lines: lines that were closed; those beyond L are not read.
        ended: whether the end symbol was written.
    """

    text: str
    coords: np.ndarray
    failed: int
    lines: int
    ended: bool


def write(coords: np.ndarray) -> str:
    """Return the text of coordinates (L, 3), angstrom, NaN where not observed."""
    rounded = np.rint(in_own_frame(coords.astype(np.float64))) + 0.0
    lines = [UNKNOWN if np.isnan(row).any() else " ".join(f"{number:.0f}" for number in row) for row in rounded]
    return LINE_END.join(lines) + TEXT_END


def read(text: str, length: int) -> Reading:
    """Read a text strictly: a line counts if it is closed and has three integers with one space between them, or `?`.

    Parameters:
        text: any text.
        length: residues of the chain.
    """
    body, end, _ = text.partition(TEXT_END)
    lines = body.split(LINE_END)
    if not end:
        lines = lines[:-1]
    coords = np.full((length, 3), np.nan)
    failed = length
    for row, line in zip(coords, lines, strict=False):
        numbers = _LINE.fullmatch(line)
        if numbers:
            row[:] = [int(number) for number in numbers.groups()]
        failed -= numbers is not None or line == UNKNOWN
    return Reading(text=body + end, coords=coords, failed=failed, lines=len(lines), ended=bool(end))


def encode(text: str) -> list[int]:
    """Return the index in `SYMBOLS` of each symbol of a text."""
    return [_INDEX[symbol] for symbol in text]


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
    rotated: np.ndarray = centred @ np.stack([*axes, np.cross(axes[0], axes[1])]).T
    return rotated
