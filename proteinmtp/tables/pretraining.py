"""The summary of pretraining: what a backbone learnt before the runs, what was left out, and what came of it."""

from proteinmtp.tables.record import Record


class PretrainingSummary(Record):
    """Books and perplexities of one pretrained backbone.

    Attributes:
        name: of the pretrained backbone.
        objective: causal or masked.
        chains, fasta: sequences that were met, of training chains and of FASTA files.
        left_out: sequences that were not used, by the reason.
        relatives_looked_for: whether relatives of validation and test chains were looked for in the FASTA files.
        sequences, pieces, residues: what was trained on; longer sequences are cut into pieces.
        steps, saved_step: steps that were taken, and the one that the weights are of.
        validation_chains, validation_residues: on which perplexity was measured; residues that were asked for.
        perplexity: per residue, of the validation chains; None without any.
        unigram_perplexity: the same of how often each residue occurs in what was trained on.
    """

    name: str
    objective: str
    chains: int
    fasta: int
    left_out: dict[str, int]
    relatives_looked_for: bool
    sequences: int
    pieces: int
    residues: int
    steps: int
    saved_step: int
    validation_chains: int
    validation_residues: int
    perplexity: float | None
    unigram_perplexity: float | None
