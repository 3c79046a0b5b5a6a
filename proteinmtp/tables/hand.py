"""What is usual among the training chains: how their traces turn, and how far residues are apart."""

from proteinmtp.tables.record import Record


class HandRecord(Record):
    """Counts over the training chains.

    Attributes:
        bins: of pseudo-dihedrals.
        counts: (bins, bins), how often one pseudo-dihedral follows another.
        angles: (bins, 2), mean virtual angles of the two inner residues of a pseudo-dihedral, radians; null where the
            bin never occurs.
        distances: how often each bin of a distogram occurs at each separation |i-j|, from 0 on; the last holds all
            beyond.
    """

    bins: int
    counts: list[list[int]]
    angles: list[list[float | None]]
    distances: list[list[int]]
