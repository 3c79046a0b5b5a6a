"""Which lines of a PDB file matter: see `proteinmtp.structures.records`.

Kept are, of the first model: of each residue its C-alpha lines (every alternate location) or, where it has none, its
first line; P atoms, by which nucleic acids are known; and the headers with sequence, cross references, resolution,
method and date. What stands behind an END counts. A kept line ends with column 72: in old files the columns behind it
hold segment ids and line numbers, which would be read as an element or a charge.
"""

import math
import re

import numpy as np

from proteinmtp.structures.records import RecordError, Records, is_one_of, printable, word, words

ATOM, HETATM, MODEL, ENDMDL = (word(name) for name in (b"ATOM", b"HETA", b"MODE", b"ENDM"))
UPPER = np.uint32(0xDFDFDFDF)
THREE = np.uint32(0x00FFFFFF)
HEADERS = tuple(word(name + b"\0") for name in (b"HEA", b"EXP", b"SEQ", b"MOD", b"DBR", b"TER"))
REMARK, RESOLUTION = word(b"REM\0"), word(b"   2")
ALPHAS = tuple(word(name) for name in (b" CA ", b"CA  ", b"  CA"))
PHOSPHORI = tuple(word(name) for name in (b" P  ", b"P   "))
CARBONS = tuple(word(name) for name in (b"  ", b" C", b"C ", b" c", b"c "))
WATERS = tuple(word(name + b"\0") for name in (b"HOH", b"WAT", b"DOD", b"H2O", b"TIP"))
LAST_COLUMN = 72
SHORTEST_ATOM = 54
FIELDS = np.array([30, 38, 46, 70])
"""Where x, y and z begin, and the eight columns that end with the element."""
RESIDUE_NUMBER = re.compile(rb" *-?[0-9]+ *|[A-Z][0-9A-Z]{3}|[a-z][0-9a-z]{3}")
"""A number, or one of hybrid-36 (Grosse-Kunstleve 2007), in four columns."""
BLOCK = 1 << 17
MOST_HEADERS = 100_000
SHORTEST_LINE = 20
"""Characters on average; a line costs some 300 bytes of memory however short it is."""

# A coordinate as nearly all files write it, -123.456 in eight columns, as masks over its eight bytes.
DIGITS = np.frombuffer(b"\0\0\0\xf0\0\xf0\xf0\xf0", dtype="<u8")[0]
ZEROS = word(b"\0\0\x000\x00000")
SIXES = np.frombuffer(b"\0\0\0\6\0\6\6\6", dtype="<u8")[0]
PLAIN_MASK = np.frombuffer(b"\0\0\0\xf0\xff\xf0\xf0\xf0", dtype="<u8")[0]
PLAIN = np.frombuffer(b"\0\0\x000.000", dtype="<u8")[0]
FOLLOWS = np.zeros(1 << 16, dtype=bool)
"""Whether one character may follow another in front of the point: blank, sign, digit, in this order."""
for first, later in ((b" ", b" -0123456789"), (b"-", b"0123456789"), (b"0123456789", b"0123456789")):
    FOLLOWS[[a + (b << 8) for a in first for b in later]] = True


ENDS = FOLLOWS.copy()
"""The same, where the second one is a digit."""
ENDS[[a + (b << 8) for a in range(256) for b in b" -"]] = False


def pdb_records(data: bytes) -> Records:
    """Return the lines of a PDB file that matter.

    Raises:
        RecordError: if the position or the number of a kept residue is unreadable, naming the line.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    data = data.ljust(SHORTEST_ATOM)
    starts, ends = _lines(data)
    columns = _first_columns(data, starts)
    record = columns[:, 0] & UPPER
    is_atom = (record == ATOM) | (record == HETATM)
    others = (~is_atom).nonzero()[0]
    last, unclosed = _end_of_first_model(record[others], others, is_atom)
    wanted = _wanted(columns, is_atom)
    kept = (wanted[:last]).nonzero()[0]
    others = others[others < last]
    headers = others[_is_header(data, starts[others], record[others])]
    if len(headers) > MOST_HEADERS:
        raise RecordError(f"{len(headers)} lines of SEQRES, TER and the like; no structure has so many")
    fields = words(data, 8)[_within(starts[kept, None] + FIELDS, len(data) - 8)]
    _check_numbers(data, starts, ends, kept, np.ascontiguousarray(fields[:, :3]))
    if is_atom[-1] and ends[-1] - starts[-1] < SHORTEST_ATOM:
        _refuse(data, starts, ends, len(ends) - 1, "atom record, the file is cut off")
    repairs = ["model_without_endmdl"] if unclosed else []
    if _foreign_elements(fields[:, 3], columns[kept, 3], ends[kept] - starts[kept]):
        repairs.append("element_columns")
    left_out = int(np.count_nonzero(is_atom[:last])) - len(kept)
    wanted[headers] = True
    lines = (wanted[:last]).nonzero()[0]
    return Records(_cut(data, starts[lines], ends[lines]), left_out, tuple(repairs))


def _lines(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return where each line begins, and where its newline stands."""
    text = np.frombuffer(data, dtype=np.uint8)
    newlines, lines = [], 0
    for begin in range(0, len(text), BLOCK):  # blocks fit into a cache and need no large temporary array
        newlines.append((text[begin : begin + BLOCK] == 10).nonzero()[0])
        newlines[-1] += begin
        lines += len(newlines[-1])
        if lines > len(text) // SHORTEST_LINE + 1000:
            raise RecordError(f"lines of fewer than {SHORTEST_LINE} characters on average; this is no PDB file")
    ends = np.concatenate(newlines) if len(newlines) > 1 else newlines[0]
    if text[-1] != 10:
        ends = np.append(ends, len(text))
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    return starts, ends


def _cut(data: bytes, starts: np.ndarray, ends: np.ndarray) -> bytes:
    """Return the first columns of some lines, shorter ones filled up with blanks."""
    if not len(starts):
        return b""
    width = LAST_COLUMN + 1
    data = data.ljust(int(starts[-1]) + width)
    lines = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))[starts]
    text: np.ndarray = lines.view(np.uint8).reshape(-1, width)
    short = (ends - starts < LAST_COLUMN).nonzero()[0]
    if len(short):
        rows = text[short]
        rows[np.arange(width) >= (ends - starts)[short, None]] = ord(" ")
        text[short] = rows
    text[:, -1] = ord("\n")
    cut: bytes = text.tobytes()
    return cut


def _first_columns(data: bytes, starts: np.ndarray) -> np.ndarray:
    """Return the first 28 characters of each line as integers of four, (lines, 7).

    They are: record, -, -, atom name, alternate location and residue, chain and number, number and insertion.
    """
    width = 28
    lines = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    columns: np.ndarray = lines[_within(starts, len(data) - width)].view("<u4").reshape(-1, width // 4)
    return columns


def _within(places: np.ndarray, last: int) -> np.ndarray:
    """Return places that rise along the first axis; those behind `last`, of a short last line, are moved to it."""
    return np.minimum(places, last) if places.size and places[-1].max() > last else places


def _end_of_first_model(record: np.ndarray, others: np.ndarray, is_atom: np.ndarray) -> tuple[int, bool]:
    """Return the number of lines up to the end of the first model that has atoms, and whether its end was missing.

    Parameters:
        record: names of the lines in `others`.
        others: the lines that are no atoms.
        is_atom: of all lines.
    """
    borders = ((record == ENDMDL) | (record == MODEL)).nonzero()[0]
    if len(borders) and is_atom.any():
        borders = borders[others[borders] > np.argmax(is_atom)]
        if len(borders):
            return int(others[borders[0]]), bool(record[borders[0]] == MODEL)
    return len(is_atom), False


def _is_header(data: bytes, starts: np.ndarray, record: np.ndarray) -> np.ndarray:
    """Return which lines are headers to keep; MODEL and END are not, or gemmi would stop there."""
    wanted: np.ndarray = is_one_of(record & THREE, HEADERS) & (record != MODEL)
    remarks = (record & THREE == REMARK).nonzero()[0]
    wanted[remarks] = words(data, 4)[starts[remarks] + 6] == RESOLUTION
    return wanted


def _wanted(columns: np.ndarray, is_atom: np.ndarray) -> np.ndarray:
    """Return which lines are atoms to keep, (lines,) bool; see `_first_columns`."""
    name, residue = columns[:, 3].copy(), columns[:, 4] >> np.uint32(8)
    changes = np.ones(len(columns), dtype=bool)
    place = columns[:, 5:7].view("<u8")[:, 0]
    changes[1:] = residue[1:] != residue[:-1]
    changes[1:] |= place[1:] != place[:-1]
    changes[1:] |= is_atom[1:] > is_atom[:-1]
    firsts = changes.nonzero()[0]
    alpha = is_one_of(name, ALPHAS) & is_atom
    wanted: np.ndarray = alpha | is_one_of(name, PHOSPHORI)
    wanted[firsts[~np.logical_or.reduceat(alpha, firsts)]] = True
    wanted &= is_atom
    kept = wanted.nonzero()[0]
    wanted[kept[is_one_of(residue[kept], WATERS)]] = False
    return wanted


def _check_numbers(data: bytes, starts: np.ndarray, ends: np.ndarray, kept: np.ndarray, fields: np.ndarray) -> None:
    """Raise for the first kept line whose residue number or position is unreadable: gemmi takes those for zeros.

    Parameters:
        data: the text.
        starts, ends: of all its lines.
        kept: lines to check, n.
        fields: (n, 3) x, y and z of these lines as integers of eight bytes.
    """
    short = ends[kept] - starts[kept] < SHORTEST_ATOM
    if short.any():
        _refuse(data, starts, ends, int(kept[np.argmax(short)]), "atom record, it is cut off")
    begins = starts[kept]
    numbered = _are_numbers(words(data, 4)[begins + 22])
    plain = (fields & PLAIN_MASK == PLAIN) & ((fields + SIXES) & DIGITS == ZEROS)
    pairs = fields.view("<u2").reshape(len(kept), 3, 4)
    plain &= FOLLOWS[pairs[:, :, 0]] & FOLLOWS[pairs[:, :, 1]] & FOLLOWS[(fields >> np.uint64(8)).astype(np.uint16)]
    if plain.all() and numbered.all():
        return
    good = numbered & plain.all(axis=1)
    for row in (numbered & ~good).nonzero()[0].tolist():
        good[row] = all(_is_number(data[begins[row] + column : begins[row] + column + 8]) for column in FIELDS[:3])
    if not good.all():
        worst = int(np.argmin(good))
        _refuse(data, starts, ends, int(kept[worst]), "position" if numbered[worst] else "residue number")


def _are_numbers(columns: np.ndarray) -> np.ndarray:
    """Return which residue numbers, (n,) as integers of four bytes, are numbers."""
    pairs = columns.view("<u2").reshape(-1, 2)
    good: np.ndarray = FOLLOWS[pairs[:, 0]] & ENDS[pairs[:, 1]] & FOLLOWS[(columns >> np.uint32(8)).astype(np.uint16)]
    if not good.all():
        for row in (~good).nonzero()[0].tolist():
            good[row] = RESIDUE_NUMBER.fullmatch(columns[row].tobytes()) is not None
    return good


def _refuse(data: bytes, starts: np.ndarray, ends: np.ndarray, line: int, what: str) -> None:
    shown = data[starts[line] : min(ends[line], starts[line] + LAST_COLUMN)].decode("ascii", "replace").rstrip()
    raise RecordError(f"line {line + 1}: unreadable {what}: {printable(shown)}")


def _is_number(text: bytes) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _foreign_elements(fields: np.ndarray, names: np.ndarray, sizes: np.ndarray) -> bool:
    """Return whether a C-alpha line has something in the element's columns that is not carbon.

    Parameters:
        fields: (n,) columns 71-78 of the lines as integers.
        names: (n,) atom names as integers.
        sizes: (n,) lengths of the lines.
    """
    foreign = ~is_one_of((fields >> np.uint64(48)).astype(np.uint16), CARBONS)
    return bool(foreign.any() and (foreign & (sizes >= 78) & (names == ALPHAS[0])).any())
