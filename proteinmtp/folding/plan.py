"""What folding would take, before it is done."""

import time
from collections.abc import Sequence

from proteinmtp.folding.model import BYTES_PER_PAIR, FoldingModel
from proteinmtp.folding.sequences import Target


def plan(model: FoldingModel, targets: Sequence[Target]) -> str:
    """Return how many sequences, tokens, bytes and seconds it would be; one sequence of middle length is timed.

    The time of a chain grows with the square of its length.
    """
    if not targets:
        return "nothing to fold"
    ordered = sorted(targets, key=lambda target: len(target.sequence))
    lengths = [len(target.sequence) for target in ordered]
    tried = ordered[len(ordered) // 2]
    start = time.monotonic()
    list(model.fold_each([tried]))
    took = time.monotonic() - start
    seconds = took * sum(length**2 for length in lengths) / len(tried.sequence) ** 2
    tokens = sum(map(model.tokens_of, lengths))
    return (
        f"{len(targets)} sequences of {lengths[0]} to {lengths[-1]} residues, {tokens:,} tokens;"
        f" about {BYTES_PER_PAIR * lengths[-1] ** 2 / 1e6:,.0f} MB beside the model for the longest;"
        f" at most {_span(seconds)}: one of {len(tried.sequence)} residues took {took:.1f} s alone"
    )


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
