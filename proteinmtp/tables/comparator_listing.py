"""What became of the files of a comparator: which stands for which chain, and which for none, with the reason."""

from proteinmtp.tables.record import Record


class MatchedFile(Record):
    """A file that stands for a scored chain; `by` says how it was matched."""

    chain_id: str
    file: str
    chain: str
    by: str
    residues: int
    length: int
    identity: float


class FileReason(Record):
    """A file that stands for none, and why."""

    file: str
    reason: str


class MissingChain(Record):
    """A scored chain without a file, and why."""

    chain_id: str
    reason: str


class ComparatorListing(Record):
    """All files of a comparator's folder, and all scored chains."""

    name: str
    folder: str
    files: int
    matched: list[MatchedFile]
    unused: list[FileReason]
    unmatched: list[FileReason]
    missing: list[MissingChain]
