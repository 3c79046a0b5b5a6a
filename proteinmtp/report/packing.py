"""Data of single chains as they lie in the page: small integers, one deflate stream for each chain, as base64.

A stream is a JSON header, a line feed, and the arrays that the header names, one after the other. The page's script
reads it back (`assets/unpack.js`): what is told here of numbers is undone there. Each array is deflated by itself, so
that of many chains only what goes into the page is held at a time.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from proteinmtp.geometry.distances import pack_upper, unpack_upper

UNKNOWN = 255
"""Stands for a number that is not known, in bytes."""
NO_POSITION = np.iinfo(np.int16).min
"""Stands for that in coordinates."""
ROOTS = 16.0
"""Distances are written as so many times their square root: in steps of 0.25 angstrom at 4, of 0.35 at 8, of 1.2 at
100, up to 252 angstrom."""
OCTAVES = 5.0
"""Deviations s, in angstrom, are written as so many times log2(1 + s): in steps of 15 % of 1 + s."""
PARTS_OF_ONE = 50.0
"""Probabilities are written in steps of 2 %."""
PER_ANGSTROM = 100.0
"""Coordinates are written in hundredths, up to 327 from the middle of the experiment."""
HALVES = 2.0
"""lDDT in points of a hundred is written in halves, and so is confidence."""

MOST_MEMORY = 9
"""Of a deflate stream: the longest blocks."""
STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
END = bytes((3, 0))
"""The last block of a deflate stream, empty (RFC 1951)."""


@dataclass(frozen=True)
class Part:
    """An array of a chain.

    Attributes:
        run: whose it is, None for the experiment.
        what: it is.
        size: bytes of its numbers, uint8 or int16.
        content: these deflated.
    """

    run: str | None
    what: str
    size: int
    content: bytes

    @classmethod
    def of(cls, run: str | None, what: str, values: np.ndarray) -> "Part":
        """Return an array as a part."""
        return cls(run, what, values.nbytes, deflated(values.tobytes()))


def distances(triu: np.ndarray, length: int, trace: np.ndarray) -> dict[str, np.ndarray]:
    """Return the ways in which predicted distances can be written beside the trace of the same run.

    Parameters:
        triu: (P,) distances, angstrom.
        length: L, residues.
        trace: what `positions` gave of the trace.

    Returns:
        distances: as bytes. off_trace: what they have more than those of the trace, modulo 256. Both are `smoothed`.
        Nothing where all are those of the trace but for half a step, so that the page can take these.
    """
    roots, of_trace = ROOTS * np.sqrt(triu.astype(np.float64)), _trace_roots(trace)
    if np.allclose(roots, of_trace, rtol=0, atol=0.5, equal_nan=True):
        return {}
    ours, theirs = _bytes(roots), _floor_bytes(of_trace)
    off = ours.astype(np.int64) - theirs
    return {"distances": smoothed(ours, length), "off_trace": smoothed((off % 256).astype(np.uint8), length)}


def deviations(sigma: np.ndarray, length: int) -> np.ndarray:
    """Return (P,) standard deviations in angstrom as bytes; see `smoothed` for their order."""
    return smoothed(_bytes(OCTAVES * np.log2(1 + sigma.astype(np.float64))), length)


def probabilities(contact: np.ndarray, length: int) -> np.ndarray:
    """Return (P,) probabilities as bytes; see `smoothed` for their order."""
    return smoothed(_bytes(PARTS_OF_ONE * contact.astype(np.float64)), length)


def points(values: np.ndarray) -> np.ndarray:
    """Return numbers 0..100, such as confidence, as bytes; NaN as `UNKNOWN`."""
    return _bytes(HALVES * values.astype(np.float64))


def positions(coords: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return (L, 3) coordinates in angstrom about a centre as int16; NaN as `NO_POSITION`."""
    scaled = np.round(PER_ANGSTROM * (coords.astype(np.float64) - centre))
    clipped = np.clip(scaled, NO_POSITION + 1, np.iinfo(np.int16).max)
    return np.where(np.isfinite(scaled), clipped, NO_POSITION).astype("<i2").ravel()


def smoothed(triu: np.ndarray, length: int) -> np.ndarray:
    """Return the pairs i < j, row by row, each less what its neighbours let expect, modulo 256.

    Pairs of one sequence separation are alike, and maps are smooth: expected is the median of the pair (i - 1, j - 1),
    of that plus the step from (i - 1, j - 2) to (i, j - 1), and of (i, j - 1) plus the step from (i - 1, j - 1) to
    (i - 1, j). In the first row the one before it is expected. So most of these differences are small.
    """
    matrix = unpack_upper(triu, length).astype(np.int16)
    along, above, across, before = matrix[:-1, 1:-1], matrix[:-1, 2:], matrix[1:, 1:-1], matrix[:-1, :-2]
    expected = np.zeros_like(matrix)
    expected[0, 1:] = matrix[0, :-1]
    expected[1:, 2:] = along + _median_with_zero(across - before, across + above - 2 * along)
    return (pack_upper(matrix - expected) % 256).astype(np.uint8)


def packed(facts: Mapping[str, object], parts: Iterable[Part]) -> str:
    """Return facts and arrays of a chain as a text of ASCII letters."""
    parts = list(parts)
    named = [{"run": part.run, "what": part.what, "bytes": part.size} for part in parts]
    header = json.dumps({**facts, "parts": named}, sort_keys=True, allow_nan=False)
    return _text(deflated(header.encode() + b"\n"), *(part.content for part in parts))


def compressed(content: bytes) -> str:
    """Return bytes as a deflate stream in base64, the same each time."""
    return _text(deflated(content))


def deflated(content: bytes) -> bytes:
    """Return whole bytes of a deflate stream that others may follow, made in the way that makes it smallest.

    Texts repeat themselves; of differences only some are frequent.
    """
    return min((_deflated_by(strategy, content) for strategy in STRATEGIES), key=len)


def _deflated_by(strategy: int, content: bytes) -> bytes:
    stream = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS, MOST_MEMORY, strategy)
    return stream.compress(content) + stream.flush(zlib.Z_FULL_FLUSH)


def _text(*streams: bytes) -> str:
    return base64.b64encode(b"".join((*streams, END))).decode()


def _median_with_zero(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the median of two numbers and zero."""
    median: np.ndarray = np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), 0))
    return median


def _trace_roots(positions: np.ndarray) -> np.ndarray:
    """Return (P,) distances of written positions as `ROOTS` times their square root; NaN where they are not known."""
    points = positions.reshape(-1, 3).astype(np.float64)
    first, second = np.triu_indices(len(points), 1)
    roots = np.sqrt(np.sqrt(((points[first] - points[second]) ** 2).sum(1)) / PER_ANGSTROM)
    known = (points[:, 0] != NO_POSITION)[[first, second]].all(0)
    return np.where(known, ROOTS * roots, np.nan)


def _floor_bytes(roots: np.ndarray) -> np.ndarray:
    """Return numbers as bytes, halves rounded up as the page's script rounds them."""
    whole = np.minimum(np.floor(roots + 0.5), UNKNOWN - 1)
    return np.where(np.isnan(roots), UNKNOWN, whole).astype(np.uint8)


def _bytes(values: np.ndarray) -> np.ndarray:
    rounded = np.clip(np.round(values), 0, UNKNOWN - 1)
    return np.where(np.isnan(values), UNKNOWN, rounded).astype(np.uint8)
