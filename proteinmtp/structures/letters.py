"""One-letter codes of residues: gemmi's table, the names of force fields, and what a file itself explains."""

from typing import Any

import gemmi
import numpy as np

ALSO_KNOWN_AS = {"U": "C", "O": "K"}
"""Selenocysteine and pyrrolysine by the amino acid that they come from."""
LETTERS = frozenset("ACDEFGHIKLMNPQRSTVWY")
FORCE_FIELD_NAMES = {
    **dict.fromkeys(("HID", "HIE", "HIP", "HSD", "HSE", "HSP"), "HIS"),
    **dict.fromkeys(("CYX", "CYM"), "CYS"),
    **{"ASH": "ASP", "GLH": "GLU", "LYN": "LYS", "ARN": "ARG", "TYM": "TYR"},
}
"""Protonation states as AMBER and CHARMM name them."""


class _Letters(dict[Any, str]):
    """One-letter codes by residue name, looked up the first time in gemmi's table and that of force fields."""

    def __missing__(self, key: str | int) -> str:
        name = gemmi.Entity.first_mon(key if isinstance(key, str) else text_of(key))
        info = gemmi.find_tabulated_residue(FORCE_FIELD_NAMES.get(name, name))
        letter = info.one_letter_code.upper() if info.is_amino_acid() else "X"
        letter = ALSO_KNOWN_AS.get(letter, letter)
        self[key] = letter if letter in LETTERS else "X"
        return self[key]


LETTER_OF = _Letters()
"""Keys are names, or their eight bytes as an integer, as gemmi's arrays have them."""


CODES = np.zeros(1 << 24, dtype=np.uint8)
"""One-letter codes by the three bytes of a residue name, filled when first met; 16 MB that are hardly touched."""


def letters_of_integers(names: np.ndarray) -> str:
    """Return the letters of residue names given as integers, (n,) uint64."""
    if (names >> np.uint64(24)).any():
        return "".join(map(LETTER_OF.__getitem__, names.tolist()))
    codes: np.ndarray = CODES[names]
    if not codes.all():
        for name in np.unique(names[codes == 0]).tolist():
            CODES[name] = ord(LETTER_OF[name])
        codes = CODES[names]
    return codes.tobytes().decode("ascii")


def text_of(name: int) -> str:
    """Return a name given as an integer as text."""
    return name.to_bytes(8, "little").rstrip(b"\0").decode("ascii", "replace")


def letters_of_names(names: list[str], parents: dict[str, str]) -> str:
    """Return the letters of residue names.

    Parameters:
        names: n names; of `SER,THR` the first counts.
        parents: names by which the file itself explains those that are in no table.
    """
    letters = "".join(map(LETTER_OF.__getitem__, names))
    if parents and "X" in letters:
        pairs = zip(letters, names, strict=True)
        letters = "".join(LETTER_OF[parents.get(name, name)] if letter == "X" else letter for letter, name in pairs)
    return letters
