"""What of a chain a split may look at: never its structure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SplitChain:
    """Some columns of the table of chains: ids, sequence, year and UniProt accession, None where not known."""

    chain_id: str
    entry_id: str
    sequence: str
    year: int | None = None
    uniprot: str | None = None
