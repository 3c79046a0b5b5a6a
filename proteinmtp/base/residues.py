"""The letters of residues: the twenty amino acids, and X for any other."""

RESIDUES = "ACDEFGHIKLMNPQRSTVWYX"
