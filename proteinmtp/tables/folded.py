"""Records of folding: what a model says of a sequence, what was refused, and both of many sequences together."""

from proteinmtp.tables.record import Record


class Refusal(Record):
    """A record that is not folded.

    Attributes:
        record: its number in the input, from 1 on.
        name: as it stands there.
        reason: why.
    """

    record: int
    name: str
    reason: str


class FoldRecord(Record):
    """What a model says of its trace of a sequence; see `Folded.scores` of the library.

    Attributes:
        name: of the sequence.
        sequence: one letter for each residue, as it was folded.
        note: what was changed in reading it.
        model: the run whose model it is.
        key: of sequence, model and settings; another one means that the files are those of another call.
        scores: named numbers.
        confidence: of each residue, 0..100; null if the model says none.
    """

    name: str
    sequence: str
    note: str
    model: str
    key: str
    scores: dict[str, float | int | str | None]
    confidence: list[float] | None


class FoldListing(Record):
    """What became of sequences of one file in the hands of one model, or of a shard of them.

    Attributes:
        title: of the model, as it stands in structure files.
        folded: in the order of the file.
        refused: likewise; of a file in shards, the first one has them all.
    """

    title: str
    folded: list[FoldRecord]
    refused: list[Refusal]


class FoldSummary(Record):
    """What became of all sequences of one file in the hands of one run.

    Attributes:
        sequences: what the file is called in the configuration.
        run: the run.
        folded, refused: how many.
        longest: residues of the longest that was folded; None if none was.
        confidence: mean over sequences of the mean of each, 0..100; None if the model says none.
    """

    sequences: str
    run: str
    folded: int
    refused: int
    longest: int | None
    confidence: float | None
