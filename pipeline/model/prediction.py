"""What heads predict. Shapes: B chains, L residues of the longest chain; what lies in the padding means nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from pipeline.model.coordinate_text import Reading


@dataclass
class Prediction:
    """A head's prediction: distances, and what else the head or the readouts of the losses give, or None.

    Attributes:
        distances: (B, L, L) angstrom, symmetric, zero diagonal.
        median: (B, L, L) angstrom, where a head knows a better guess than the expected distance: what is written down.
        logits: (B, P, BINS) of the bins of `pipeline.model.bins`, for the pairs i < j, row by row.
        sigma: (B, L, L) standard deviation of the distances, angstrom.
        contact: (B, L, L) probability that the distance is below 8 angstrom.
        coords: (B, L, 3) angstrom, from heads that predict them.
        scale: (B,) angstrom that count as 1 in the loss of coordinates.
        centred: whether `coords` lie around the mean of their own chain.
        dihedral: (B, L, BINS) logits of the pseudo-dihedral of residues i to i+3, bins of
            `pipeline.geometry.chirality`.
        confidence: (B, L) logits of the expected lDDT.
        text: (B, T, SYMBOLS) logits of the symbols of `pipeline.model.coordinate_text`, given the true ones before.
        readings: of each chain, what could be read from the text that was written for it.
    """

    distances: Tensor
    median: Tensor | None = None
    logits: Tensor | None = None
    sigma: Tensor | None = None
    contact: Tensor | None = None
    coords: Tensor | None = None
    scale: Tensor | None = None
    centred: bool = False
    dihedral: Tensor | None = None
    confidence: Tensor | None = None
    text: Tensor | None = None
    readings: Sequence[Reading] | None = None

    @property
    def point(self) -> Tensor:
        """(B, L, L) angstrom, the distances that are written down and scored."""
        return self.distances if self.median is None else self.median
