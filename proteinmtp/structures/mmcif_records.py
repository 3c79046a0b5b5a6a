"""Which parts of an mmCIF file matter: see `proteinmtp.structures.records`.

Of the atom table the rows of C-alphas and P atoms and the first row of each residue are kept, of the first model and
without waters; of the other categories those with the sequence, the cross references, resolution, method and date.
Whatever is not laid out as the wwPDB writes it (columns aligned, categories parted by `#`) is left whole, so that
gemmi reads it as it stands.
"""

import re

import numpy as np

from proteinmtp.structures.records import Records, is_one_of, word

NEEDED = frozenset(
    b"entry exptl reflns refine entity entity_poly entity_poly_seq struct_asym atom_site pdbx_database_status "
    b"struct_ref struct_ref_seq em_3d_reconstruction chem_comp pdbx_struct_mod_residue".split()
)
CATEGORY = re.compile(rb"\n_([A-Za-z0-9_]+)\.")
SHORT = 300
TABLE = b"\n_atom_site."
NAMES = ("auth_atom_id", "label_atom_id")
"""The atom's name; gemmi takes the first of them that is there."""
RESIDUE, MODEL = "label_comp_id", "pdbx_PDB_model_num"
PLACE = ("label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", RESIDUE, "auth_comp_id")
ALPHAS = (b"CA", b'"CA"', b"'CA'")
WATERS = (b"HOH", b"DOD", b"WAT")


def mmcif_records(data: bytes) -> Records:
    """Return an mmCIF text without the rows and categories that do not matter."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    begin = data.find(TABLE)
    if begin < 0:
        return Records(data)
    rows, tags = _header(data, begin + 1)
    end, kept, left_out = _rows(data, rows, tags)
    return Records(_categories(data[:rows]) + kept + _categories(data[end:]), left_out)


def _header(data: bytes, begin: int) -> tuple[int, list[str]]:
    """Return where the rows of the atom table begin, and the names of its columns."""
    tags = []
    while data.startswith(TABLE[1:], begin):
        end = data.find(b"\n", begin)
        if end < 0:
            break
        tags.append(data[begin + len(TABLE) - 1 : end].strip().decode("ascii", "replace"))
        begin = end + 1
    return begin, tags


def _rows(data: bytes, begin: int, tags: list[str]) -> tuple[int, bytes, int]:
    """Return where the rows end, those of them that matter, and how many were left out.

    Rows that are not all of one width, with every column at the same place, are left for gemmi: nothing is taken.
    """
    width = data.find(b"\n", begin) + 1 - begin
    columns = [match.start() for match in re.finditer(rb"\S+", data[begin : begin + max(width, 0)])]
    name = next((tag for tag in NAMES if tag in tags), None)
    if width < 9 or len(columns) != len(tags) or name is None or RESIDUE not in tags:
        return begin, b"", 0
    rows = np.frombuffer(data, dtype=np.uint8, offset=begin)
    rows = rows[: len(rows) - len(rows) % width].reshape(-1, width)
    regular = (rows[:, -1] == 10) & is_one_of(rows[:, 0], (np.uint8(ord("A")), np.uint8(ord("H"))))
    count = len(regular) if regular.all() else int(np.argmin(regular))
    spans = dict(zip(tags, zip(columns, [*columns[1:], width - 1], strict=True), strict=True))
    used = [tag for tag in (name, *PLACE, MODEL) if tag in spans]
    edges = [(rows[:count, spans[tag][0]], rows[:count, spans[tag][0] - 1]) for tag in used]
    if not all((first > 32).all() and (before <= 32).all() for first, before in edges):
        return begin, b"", 0
    values = {tag: _values(data, begin, width, count, *spans[tag]) for tag in used}
    wanted = _wanted(values, name, {tag: min(8, spans[tag][1] - spans[tag][0]) for tag in used})
    starts = (begin + wanted * width).tolist()
    return begin + count * width, b"".join([data[at : at + width] for at in starts]), count - len(wanted)


def _values(data: bytes, begin: int, width: int, count: int, start: int, end: int) -> list[np.ndarray]:
    """Return a column of the rows as integers, of eight bytes each and less in the last.

    Parameters:
        data: the text.
        begin: where the rows begin.
        width: of a row.
        count: number of rows.
        start, end: of the column in a row.
    """
    parts = []
    for at in range(start, end, 8):
        first = min(at, width - 8)  # so that no integer reaches over the end of the text
        eight = np.ndarray((count,), dtype="<u8", buffer=data, offset=begin + first, strides=(width,))
        parts.append(eight >> np.uint64(8 * (at - first)) & _mask(end - at))
    return parts


def _wanted(values: dict[str, list[np.ndarray]], name: str, sizes: dict[str, int]) -> np.ndarray:
    """Return the indices of the rows to keep.

    Parameters:
        values: columns as `_values` gives them.
        name: the column with the names of the atoms.
        sizes: bytes in the first integer of each column.
    """

    def is_any(tag: str, texts: tuple[bytes, ...]) -> np.ndarray:
        return is_one_of(
            values[tag][0], tuple(word(text.ljust(8)) & _mask(sizes[tag]) for text in texts if len(text) <= sizes[tag])
        )

    changes = np.zeros(len(values[name][0]), dtype=bool)
    changes[:1] = True
    for tag in PLACE:
        for part in values.get(tag, []):
            changes[1:] |= part[1:] != part[:-1]
    firsts = np.flatnonzero(changes)
    alpha = is_any(name, ALPHAS)
    wanted = alpha | is_any(name, (b"P",))
    if len(firsts):
        wanted[firsts[~np.logical_or.reduceat(alpha, firsts)]] = True
    wanted &= ~is_any(RESIDUE, WATERS)
    if MODEL in values:
        wanted &= np.logical_and.reduce([part == part[:1] for part in values[MODEL]])
    return np.flatnonzero(wanted)


def _mask(size: int) -> np.uint64:
    return np.uint64((1 << 8 * min(size, 8)) - 1)


def _categories(text: bytes) -> bytes:
    """Return a text without the categories that do not matter."""
    return b"\n#".join(part for part in text.split(b"\n#") if _may_matter(part))


def _may_matter(part: bytes) -> bool:
    """Return False for a long part that holds one category, which is not needed, and no text of several lines."""
    if len(part) < SHORT:
        return True
    first = CATEGORY.search(part[:SHORT])
    if first is None or first[1].lower() in NEEDED or b"\n;" in part or b"data_" in part:
        return True
    return not part.startswith(first[0], part.rfind(b"\n_")) or part.count(b"loop_") > 1
