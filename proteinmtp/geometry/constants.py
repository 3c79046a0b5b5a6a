"""Physical numbers, each once, with its source. Lengths are in angstrom.

Compiled code gets them as arguments; `proteinmtp.geometry.compiled` says why.
"""

FINGERPRINT = "by name"
"""See `proteinmtp.base.fingerprint`: behind a stage are the constants that it uses, not all of them."""

TRANS_BOND, CIS_BOND = 3.8, 2.95
"""C-alpha to the next with a trans and with a cis peptide bond: medians of experimental structures (docs/method.md)."""

BOND_TOLERANCE = 0.4
"""Neighbours that are off both by more than this are counted as a violation; a choice of this project."""

SHORTEST_BOND, LONGEST_BOND = 2.5, 4.5
"""Distances of neighbouring C-alpha atoms that are still taken for a peptide bond; cis and trans with room for error, a
choice of this project. What is longer is a chain break."""

NEXT_BUT_ONE = (5.0, 7.3)
"""Range of the distance of C-alpha i and i+2 with trans bonds: virtual angles of about 82 to 148 degrees."""

CONTACT = 8.0
"""C-alpha atoms nearer than this are in contact; the limit that CASP uses on C-beta atoms."""

CLASH = 3.5
"""C-alpha atoms of residues that are no neighbours clash when nearer than this: in experimental structures 2 residues
in 10,000 do (docs/method.md)."""

APART = 4.0
"""Refinement holds C-alpha atoms of residues that are no neighbours at least so far apart: a rule to be kept has some
room to the limit by which it is judged, `CLASH`."""

APART_IN_DEMO = 4.2
"""The same where the demo folds its proteins, whose coordinates are disturbed afterwards."""

HELIX, HELIX_KEPT = (30.0, 75.0), (20.0, 95.0)
STRAND, STRAND_KEPT = (-170.0, -120.0), (-180.0, -100.0)
"""Pseudo-dihedrals, degrees, of four C-alpha atoms in helices and in strands, and where a trace that has the same local
structure may have them. Their mirror images lie elsewhere. In 1,811 experimental chains as many as 45 % lie in the
first range and 18 % in the third, 22 and 3 times as many as in the mirror images of these."""

SAME_FOLD = 0.5
"""TM-score from which two structures mostly have the same fold (Xu & Zhang 2010)."""

LDDT_RADIUS = 15.0
LDDT_THRESHOLDS = (0.5, 1.0, 2.0, 4.0)
"""Pairs that count for lDDT, and how well they must be kept (Mariani 2013)."""

GDT_TS_CUTOFFS = (1.0, 2.0, 4.0, 8.0)
GDT_HA_CUTOFFS = (0.5, 1.0, 2.0, 4.0)
"""GDT-TS (Zemla 2003) and its high-accuracy form (Read & Chavali 2007)."""

FARTHEST = 1e5
"""No coordinate is farther from the origin: single precision would not hold it to a hundredth."""

FARTHEST_IN_CHAIN = 1e4
"""No coordinate of a chain in the tables is farther from the origin along an axis; the PDB format cannot hold more."""
