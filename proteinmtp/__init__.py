"""ProteinMTP: from protein sequence to structure with slot tokens on a language model."""
