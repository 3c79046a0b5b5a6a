"""The protein chains of one structure file as they stand in it, for scoring; nothing is judged as in `parse`."""

import re
from pathlib import Path

import numpy as np

from proteinmtp.base.errors import DataError
from proteinmtp.geometry.constants import FARTHEST
from proteinmtp.structures.parse import MMCIF_NAME, PEPTIDES
from proteinmtp.structures.polymers import Polymer, read_structure
from proteinmtp.structures.records import is_mmcif, printable, read_bytes

MOST_BYTES = 512_000_000
MOST_MESSAGE = 300


class StructureError(DataError):
    """A structure file of which no protein chain can be had, in one line."""


def read_protein_chains(path: Path) -> list[Polymer]:
    """Return the protein chains of the first model of a file, in its order.

    Parameters:
        path: PDB or mmCIF, plain or gzip; the content decides which, then the name.

    Raises:
        StructureError: if the file cannot be read, or holds no protein chain with a C-alpha position.
    """
    try:
        data = read_bytes(path, MOST_BYTES)
        polymers = read_structure(data, is_mmcif(data) or MMCIF_NAME.search(path.name) is not None).polymers
    except Exception as error:  # gemmi, gzip and the system raise several kinds; the message is the reason
        reason = re.sub(r"\s+", " ", str(error)).strip()[:MOST_MESSAGE] or type(error).__name__
        raise StructureError(f"{printable(path.name)}: {printable(reason)}") from error
    chains = [polymer for polymer in polymers if polymer.kind in PEPTIDES and (polymer.coords == polymer.coords).any()]
    if not chains:
        raise StructureError(f"{printable(path.name)}: no protein chain with C-alpha positions")
    for chain in chains:
        if bool((np.abs(chain.coords) > FARTHEST).any()):
            where = f"{printable(path.name)}: chain {printable(chain.chain)!r}"
            raise StructureError(f"{where} has a coordinate beyond {FARTHEST:g} angstrom")
    return chains
