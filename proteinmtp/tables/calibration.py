"""What confidence is worth, as it was found on validation chains."""

import numpy as np

from proteinmtp.tables.record import Record


class Calibration(Record):
    """A rising curve from what a distogram lets expect to what validation chains have; straight between its knots.

    Attributes:
        expected: of the knots, 0..100, rising.
        observed: lDDT of residues with so much expected, 0..100, rising; none where there was nothing to learn from.
        chains, residues: how many were looked at.
    """

    expected: list[float]
    observed: list[float]
    chains: int
    residues: int

    def apply(self, confidence: np.ndarray) -> np.ndarray:
        """Return what such confidence (N,) is worth; the same without knots."""
        if not self.expected:
            return confidence
        worth: np.ndarray = np.interp(confidence, self.expected, self.observed)
        return worth
