"""Which parts of an mmCIF file matter: see `pipeline.structures.records`.

Of the atom table the rows of C-alphas and P atoms and the first row of each residue are kept, of the first model and
without waters; of the other categories those with the sequence, the cross references, resolution, method and date.
Whatever is not laid out as the wwPDB and the programs of the field write it (one row a line, categories parted by
`#`) is left whole, so that gemmi reads it as it stands.
"""

import re

import numpy as np

from pipeline.structures.records import Records, word, words

NEEDED = frozenset(
    b"entry exptl reflns refine entity entity_poly entity_poly_seq struct_asym atom_site pdbx_database_status "
    b"struct_ref struct_ref_seq em_3d_reconstruction chem_comp pdbx_struct_mod_residue".split()
)
CATEGORY = re.compile(rb"\n_([A-Za-z0-9_]+)\.")
COLUMNS = ("label_atom_id", "label_comp_id", "pdbx_PDB_model_num")
RESIDUE_COLUMNS = ("label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_comp_id")
KEPT_ATOMS = tuple(word(name) for name in (b"CA\0\0\0\0\0\0", b"P\0\0\0\0\0\0\0"))
WATERS = tuple(word(name + b"\0\0\0\0\0") for name in (b"HOH", b"DOD", b"WAT"))
BYTES_OF = np.array([(1 << 8 * size) - 1 for size in range(8)] + [(1 << 64) - 1], dtype=np.uint64)


def mmcif_records(data: bytes) -> Records:
    """Return an mmCIF text without the rows and categories that do not matter."""
    data = data.replace(b"\r\n", b"\n")
    parts, left_out = [], 0
    for part in data.split(b"\n#"):
        if _may_matter(part):
            kept, dropped = _needed(part)
            parts.append(kept)
            left_out += dropped
    return Records(b"\n#".join(parts), left_out)


def _may_matter(part: bytes) -> bool:
    """Return False for a part that holds one category only, which is not needed, and no text of several lines."""
    first = CATEGORY.search(part[:2000])
    if first is None or first[1].lower() in NEEDED or b"\n;" in part or b"data_" in part:
        return True
    return part.count(b"\n_") != part.count(b"\n_" + first[1] + b".") or part.count(b"loop_") > 1


def _needed(part: bytes) -> tuple[bytes, int]:
    """Return a part with only those rows of its atom table that matter, and how many were left out.

    A part that is not an atom table, or one that is not laid out as expected, is returned as it is.
    """
    begin = part.find(b"\n_atom_site.")
    if begin < 0 or not part[:begin].rstrip().endswith(b"loop_") or b"\n;" in part:
        return part, 0
    tags = []
    rows = begin + 1
    while part.startswith(b"_atom_site.", rows):
        end = part.find(b"\n", rows)
        if end < 0:
            return part, 0
        tags.append(part[rows + len(b"_atom_site.") : end].strip().decode("ascii", "replace"))
        rows = end + 1
    table = part[rows:] + b"\n"
    if not set(COLUMNS[:2]) <= set(tags) or table[:1] == b"_" or b"\n_" in table or b"loop_" in table:
        return part, 0
    tokens = _tokens(table, len(tags))
    if tokens is None:
        return part, 0
    wanted = _wanted(table, tokens, {tag: position for position, tag in enumerate(tags)})
    starts = tokens[wanted, 0]
    ends = np.append(tokens[1:, 0], len(table))[wanted]
    pieces = [table[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return part[:rows] + b"".join(pieces), len(tokens) - len(wanted)


def _tokens(table: bytes, columns: int) -> np.ndarray | None:
    """Return where each value begins, (rows, columns); None unless each line holds one value for each column."""
    text = np.frombuffer(table, dtype=np.uint8)
    blank = text <= 32
    begins = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]]))
    if not len(begins) or len(begins) % columns:
        return None
    tokens = begins.reshape(-1, columns)
    ends = np.flatnonzero(text == 10)
    line_of_first, line_of_last = np.searchsorted(ends, tokens[:, 0]), np.searchsorted(ends, tokens[:, -1])
    own_lines = (line_of_first == line_of_last).all() and (np.diff(line_of_first) > 0).all()
    return tokens if own_lines else None


def _wanted(table: bytes, tokens: np.ndarray, column: dict[str, int]) -> np.ndarray:
    """Return the indices of the rows to keep."""
    padded = table + b" " * 8
    eight = words(padded, 8)

    def values(tag: str) -> np.ndarray:
        """Return the first eight bytes of a column's values as integers, zeros behind the end of shorter ones."""
        begins = tokens[:, column[tag]]
        follows = column[tag] + 1
        ends = tokens[:, follows] if follows < tokens.shape[1] else np.append(tokens[1:, 0], len(table))
        sizes = np.minimum(ends - begins, 8)
        found = eight[begins] & BYTES_OF[sizes]
        blanks = _first_blank(found)
        return found & BYTES_OF[blanks]

    name = values("label_atom_id")
    changes = np.zeros(len(tokens), dtype=bool)
    changes[0] = True
    for tag in RESIDUE_COLUMNS:
        if tag in column:
            value = values(tag)
            changes[1:] |= value[1:] != value[:-1]
    alpha = name == KEPT_ATOMS[0]
    firsts = np.flatnonzero(changes)
    wanted = alpha | (name == KEPT_ATOMS[1])
    wanted[firsts[~np.logical_or.reduceat(alpha, firsts)]] = True
    residue = values("label_comp_id")
    wanted &= np.logical_and.reduce([residue != water for water in WATERS])
    if COLUMNS[2] in column:
        model = values(COLUMNS[2])
        wanted &= model == model[0]
    return np.flatnonzero(wanted)


def _first_blank(values: np.ndarray) -> np.ndarray:
    """Return how many of the eight bytes of each integer stand before its first blank or zero."""
    text = values.view(np.uint8).reshape(-1, 8)
    blank = text <= 32
    return np.where(blank.any(axis=1), blank.argmax(axis=1), 8)
