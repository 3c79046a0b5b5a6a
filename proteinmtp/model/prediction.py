"""What heads predict. Shapes: B chains, L residues of the longest chain; what lies in the padding means nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from proteinmtp.model.coordinate_text import Reading


@dataclass(frozen=True, kw_only=True)
class PairPrediction:
    """Distances, and what else a head or the readouts of the losses give, or None.

    Attributes:
        distances: (B, L, L) angstrom, symmetric, zero diagonal.
        median: (B, L, L) angstrom, where a head knows a better guess than the expected distance: what is written down.
        logits: (B, P, BINS) of the bins of `proteinmtp.geometry.bins`, for the pairs i < j, row by row.
        sigma: (B, L, L) standard deviation of the distances, angstrom.
        contact: (B, L, L) probability that the distance is below 8 angstrom.
        coords: (B, L, 3) angstrom, from heads that predict them.
        scale: (B,) angstrom that count as 1 in the loss of coordinates.
        centred: whether `coords` lie around the mean of their own chain.
        readouts: what losses read from the slots, by the name of the loss: `dihedral` (B, L, BINS), logits of the
            pseudo-dihedral of residues i to i+3, bins of `proteinmtp.geometry.chirality`; `confidence` (B, L), logits
            of the expected lDDT; and those of losses of one's own.
    """

    distances: Tensor
    median: Tensor | None = None
    logits: Tensor | None = None
    sigma: Tensor | None = None
    contact: Tensor | None = None
    coords: Tensor | None = None
    scale: Tensor | None = None
    centred: bool = False
    readouts: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def point(self) -> Tensor:
        """(B, L, L) angstrom, the distances that are written down and scored."""
        return self.distances if self.median is None else self.median


@dataclass(frozen=True, kw_only=True)
class TextPrediction:
    """The symbols of texts, given the true ones before.

    Attributes:
        text: (B, T, SYMBOLS) logits of the symbols of `proteinmtp.model.coordinate_text`.
    """

    text: Tensor


@dataclass(frozen=True, kw_only=True)
class WrittenPrediction:
    """What was read from texts that a model wrote.

    Attributes:
        coords: (B, L, 3) angstrom, NaN for residues that could not be read.
        distances: (B, L, L) angstrom, NaN likewise.
        readings: of each chain.
    """

    coords: Tensor
    distances: Tensor
    readings: Sequence[Reading]


Prediction = PairPrediction | TextPrediction
"""What one pass of a network gives."""
