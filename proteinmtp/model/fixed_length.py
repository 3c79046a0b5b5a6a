"""What heads have that predict absolute coordinates with parameters of their own for each residue of the output."""

from torch import Tensor

from proteinmtp.base.errors import UserError
from proteinmtp.model.head import PairHead
from proteinmtp.model.normalisation import Normalisation


class TooLongError(UserError):
    """A chain with more residues than a head has outputs for."""


class FixedLengthHead(PairHead):
    """A head for chains of at most `max_length` residues, with coordinates normalised by `normalisation`."""

    def __init__(self, *, normalisation: str, max_length: int):
        super().__init__()
        self.max_length = max_length
        self.normalisation = Normalisation(normalisation)

    def fit(self, coords: list[Tensor]) -> None:
        """Measure the normalisation on the training chains.

        Raises:
            TooLongError: if one of them is too long.
        """
        longest = max((len(chain) for chain in coords), default=0)
        if longest > self.max_length:
            raise TooLongError(f"a chain has {longest} residues; set head.max_length (now {self.max_length}) to that")
        self.normalisation.fit(coords)

    def check_length(self, length: int) -> None:
        """Raise TooLongError if chains of `length` residues are too long."""
        if length > self.max_length:
            raise TooLongError(f"a chain has {length} residues; head.max_length is {self.max_length}")
