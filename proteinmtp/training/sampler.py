"""Which chains are in which step: a pure function of the seed and the step, so that training can go on anywhere.

An epoch's permutation depends on the seed and the epoch alone. Within pools of a few batches, chains are sorted by
length, so that a batch has little padding. Batches are defined for all processes together; a process takes its
share by rank.
"""

from collections.abc import Sequence

import numpy as np

POOL_BATCHES = 8


class BatchSampler:
    """Batches of chain indices by step.

    Parameters:
        lengths: residues of each chain.
        batch_size: chains in a step; fewer if there are fewer chains.
        seed: of the permutations.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int):
        if not lengths:
            raise ValueError("no chains to sample from")
        self.lengths = np.asarray(lengths)
        self.batch_size = min(batch_size, len(lengths))
        self.seed = seed
        self.per_epoch = len(lengths) // self.batch_size
        self._epoch = -1
        self._batches: list[np.ndarray] = []

    def epoch(self, step: int) -> int:
        """Return the epoch of a step, both from 0."""
        return step // self.per_epoch

    def batch(self, step: int) -> list[int]:
        """Return the indices of the chains of a step."""
        if self.epoch(step) != self._epoch:
            self._epoch = self.epoch(step)
            self._batches = self._shuffled(self._epoch)
        return [int(index) for index in self._batches[step % self.per_epoch]]

    def _shuffled(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.lengths))[: self.per_epoch * self.batch_size]
        pool = POOL_BATCHES * self.batch_size
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        ordered = np.concatenate([chunk[np.argsort(self.lengths[chunk], kind="stable")] for chunk in pools])
        batches = np.split(ordered, self.per_epoch)
        return [batches[index] for index in rng.permutation(self.per_epoch)]


def share(batch: Sequence[int], *, rank: int, world: int, pieces: int) -> list[list[int]]:
    """Return the chains of one process, cut into pieces for gradient accumulation.

    Every process gets the same number of pieces, none of them empty; where chains do not divide evenly, some pieces
    have one chain more.

    Parameters:
        batch: chain indices of the step.
        rank, world: this process, and how many there are.
        pieces: wanted; fewer if a process has fewer chains.

    Raises:
        ValueError: if there are fewer chains than processes.
    """
    if len(batch) < world:
        raise ValueError(f"{len(batch)} chains cannot be shared by {world} processes")
    mine = list(batch[rank::world])
    pieces = min(pieces, len(batch) // world)
    return [mine[start::pieces] for start in range(pieces)]
