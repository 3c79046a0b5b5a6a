"""Distograms in a table: how likely each bin of each pair i < j is, in one byte; the only place that knows how."""

import numpy as np

STEPS = 16
"""Steps of a nat. A byte holds 16 nats: what is less likely than 1 in 8 million is written as that."""


def pack(log_p: np.ndarray) -> np.ndarray:
    """Return ln p (P, bins) of the pairs i < j, row by row, as bytes (P x bins,)."""
    steps: np.ndarray = np.clip(np.rint(-STEPS * log_p), 0, 255).astype(np.uint8).ravel()
    return steps


def unpack(packed: np.ndarray, bins: int) -> np.ndarray:
    """Return the probabilities (P, bins), float32, that were packed; those of a pair sum to 1.

    Raises:
        ValueError: if the number of values does not fit `bins`.
    """
    likely = np.exp(packed.reshape(-1, bins).astype(np.float32) / -STEPS)
    normalised: np.ndarray = likely / likely.sum(1, keepdims=True)
    return normalised
