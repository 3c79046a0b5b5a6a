"""What an allocator takes from the device for the storages that are alive.

On a GPU that is their bytes but for rounding. On a CPU it is more, and not by a fixed factor.
"""

from abc import ABC, abstractmethod

MIB = 2**20


class Allocator(ABC):
    """Hands out pieces; `now` is what it holds of the device, bytes, and `peak` the most it held."""

    now: int = 0
    peak: int = 0

    def begin(self) -> None:
        """Forget the peak so far."""
        self.peak = self.now

    def take(self, size: int) -> int:
        """Hand out a piece of `size` bytes, and return what to give back."""
        piece = self._take(size)
        self.peak = max(self.peak, self.now)
        return piece

    @abstractmethod
    def give(self, piece: int) -> None:
        """Take a piece back."""

    @abstractmethod
    def _take(self, size: int) -> int: ...


class Blocks(Allocator):
    """Pieces rounded up to whole blocks, as PyTorch hands out GPU memory; blocks of 1 count the bytes alone."""

    def __init__(self, block: int = 1):
        self.block = block

    def give(self, piece: int) -> None:
        """Take a piece back."""
        self.now -= piece

    def _take(self, size: int) -> int:
        taken = -(-size // self.block) * self.block
        self.now += taken
        return taken


class Heap(Allocator):
    """The heap of glibc, which keeps holes: what is freed in its middle stays resident until something fits there.

    Pieces above 32 MiB are mapped apart and returned at once (mallopt(3), M_MMAP_THRESHOLD).

    Parameters:
        holes: bytes of holes for each byte in use.
    """

    LARGEST = 32 * MIB

    def __init__(self, holes: float):
        self.holes = holes

    def give(self, piece: int) -> None:
        """Take a piece back."""
        self.now -= piece

    def _take(self, size: int) -> int:
        taken = size if size > self.LARGEST else round(size * (1 + self.holes))
        self.now += taken
        return taken
