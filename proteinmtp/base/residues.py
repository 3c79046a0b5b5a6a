"""The letters of residues: the twenty amino acids, and X for any other."""

UNKNOWN = "X"
KNOWN = "ACDEFGHIKLMNPQRSTVWY"
RESIDUES = KNOWN + UNKNOWN
