"""The hand of proteins: how often one C-alpha pseudo-dihedral follows another, over the training chains."""

from proteinmtp.tables.record import Record


class HandRecord(Record):
    """Counts (bins, bins) of neighbouring pseudo-dihedrals."""

    bins: int
    counts: list[list[int]]
