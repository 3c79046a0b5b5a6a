"""Why a file or a chain is in quarantine: a short code for programs, a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """The reasons, in the order in which they are met."""

    # of a source, before a file is read
    MISSING_FILE = "missing_file"
    NOT_INDEXED = "not_indexed"
    NOT_SELECTED = "not_selected"
    DUPLICATE_FILE = "duplicate_file"
    OBSOLETE = "obsolete"
    NOT_FETCHED = "not_fetched"
    # of a file
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    NO_ATOMS = "no_atoms"
    NO_PROTEIN = "no_protein"
    LOW_RESOLUTION = "low_resolution"
    # of a chain
    NOT_PROTEIN = "not_protein"
    SEQUENCE_MISMATCH = "sequence_mismatch"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_FEW_OBSERVED = "too_few_observed"
    TOO_MANY_UNKNOWN = "too_many_unknown"
    BOND_OUTLIERS = "bond_outliers"
    TOO_MANY_BREAKS = "too_many_breaks"
    CHAIN_COPY = "chain_copy"
    INVALID_ROW = "invalid_row"


@dataclass(frozen=True)
class Refused:
    """A file (chain None) or a chain that is not used."""

    chain: str | None
    code: Refusal
    message: str
