"""What a backbone may be pretrained on: no sequence that is held out and, where the split holds out clusters, none of
their relatives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proteinmtp.base.residues import UNKNOWN
from proteinmtp.config import PretrainConfig, SplitConfig
from proteinmtp.splitting.divide import LEAKY
from proteinmtp.splitting.homology import relatives


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Sequences to pretrain on.

    Attributes:
        sequences: whole ones, each once.
        pieces: the same, longer ones cut.
        left_out: how many are not used, by the reason.
        relatives_looked_for: whether relatives of what is held out were looked for.
    """

    sequences: Sequence[str]
    pieces: Sequence[str]
    left_out: Mapping[str, int]
    relatives_looked_for: bool


def corpus(
    chains: Sequence[str],
    fasta: Sequence[str],
    *,
    held: Sequence[str],
    config: PretrainConfig,
    split: SplitConfig,
    max_unknown: float,
    folder: Path,
    threads: int = 1,
) -> Corpus:
    """Return what of training chains and FASTA files is used.

    Training chains are homologous to what is held out only as far as the split lets them be, since runs train on them
    too; of the files, relatives are left out wherever the split is not leaky by design.

    Parameters:
        chains: sequences of the training chains.
        fasta: sequences of the files.
        held: sequences of the validation and test chains.
        config: lengths.
        split: method and thresholds.
        max_unknown: largest fraction of X in a sequence of a file.
        folder: scratch space.
        threads: CPU threads.
    """
    left_out: Counter[str] = Counter()
    kept: dict[str, None] = {}
    held_out = set() if split.method == "memorise" else set(held)
    looked_for = split.method not in LEAKY
    pool = []
    for sequence in chains:
        _sort(sequence, "held out too" if sequence in held_out else None, kept, left_out)
    for sequence in dict.fromkeys(fasta):
        reason = None
        if len(sequence) < config.min_length:
            reason = "too short"
        elif sequence.count(UNKNOWN) > max_unknown * len(sequence):
            reason = "unknown residues"
        if reason is None:
            pool.append(sequence)
        else:
            left_out[reason] += 1
    left_out["repeated"] += len(fasta) - len(set(fasta))
    near = (
        relatives(held, pool, identity=split.identity, coverage=split.coverage, folder=folder, threads=threads)
        if looked_for and pool
        else set()
    )
    for number, sequence in enumerate(pool):
        reason = "held out too" if sequence in held_out else "relative of a chain held out" if number in near else None
        _sort(sequence, reason, kept, left_out)
    size = config.max_length
    pieces = [sequence[at : at + size] for sequence in kept for at in range(0, len(sequence), size)]
    return Corpus(
        sequences=list(kept),
        pieces=[piece for piece in pieces if len(piece) >= 2],
        left_out={reason: count for reason, count in sorted(left_out.items()) if count},
        relatives_looked_for=looked_for,
    )


def _sort(sequence: str, reason: str | None, kept: dict[str, None], left_out: Counter[str]) -> None:
    """Keep a sequence, or count why not."""
    if reason is None and sequence in kept:
        reason = "repeated"
    if reason is None:
        kept[sequence] = None
    else:
        left_out[reason] += 1
