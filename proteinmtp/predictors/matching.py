"""Which file of a folder of predictions belongs to which chain.

A file is matched by its name, which holds the id of a chain or of its entry, or its UniProt accession, as whole words;
otherwise by its sequence. Whatever the name says, the sequence must fit.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from proteinmtp.structures.pairing import PairingError, Placed, place_chain
from proteinmtp.structures.polymers import Polymer

WAYS = ("chain_id", "entry_id", "uniprot", "sequence")
"""How a file is matched; the first goes before the others."""
LEAST_IDENTITY = 0.9
"""Of residues on the chain with its letter: over the shorter of model and chain where the name matches, over the chain
where only the sequence does."""
SHORTEST_NAME = 4
"""Letters and digits of an id that is looked for among other words; shorter ones must be the whole name."""
SHORTEST_PART = 20
"""Residues of a model that is matched as a part of a chain."""
WORD = 5
MOST_ALIGNED = 5


class NoFitError(ValueError):
    """A file that fits no chain, with the reason in one line."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A chain that may have a prediction.

    Attributes:
        chain_id, entry_id, sequence, uniprot: as in the table of chains.
        scored: whether it is in the subset that is scored.
        steps: (L - 1,) angstrom from each C-alpha to the next, NaN where one was not observed; None if not known.
    """

    chain_id: str
    entry_id: str
    sequence: str
    uniprot: str | None = None
    scored: bool = True
    steps: np.ndarray | None = None


@dataclass(frozen=True)
class Fit:
    """A chain of a file on a target: how the two were matched, which chain it is, and where its residues are."""

    target: Target
    by: str
    chain: str
    placed: Placed


class Targets:
    """All chains of a data set, looked up by the words of their ids or by their sequence."""

    def __init__(self, targets: Sequence[Target]):
        self.all = targets
        self._named: dict[tuple[str, bool], dict[tuple[str, ...], list[Target]]] = {}
        for way in ("chain_id", "entry_id", "uniprot"):
            for fold in (False, True):
                names = self._named[way, fold] = defaultdict(list)
                for target in targets:
                    words = _words(getattr(target, way) or "", fold)
                    if words:
                        names[words].append(target)
        self._with_word: dict[str, list[int]] = defaultdict(list)
        for index, target in enumerate(targets):
            for word in set(_parts(target.sequence)):
                self._with_word[word].append(index)

    def named(self, stem: str) -> tuple[str, list[Target]]:
        """Return the way and the chains that a file name without its suffixes stands for; none if it names none.

        The longest id counts, and one that is written alike goes before one with other capitals.
        """
        for way in ("chain_id", "entry_id", "uniprot"):
            for fold in (False, True):
                words, names = _words(stem, fold), self._named[way, fold]
                for count in range(len(words), 0, -1):
                    for begin in range(len(words) - count + 1):
                        window = words[begin : begin + count]
                        if window in names and (count == len(words) or len("".join(window)) >= SHORTEST_NAME):
                            return way, names[window]
        return "", []

    def fits(self, stem: str, chains: Sequence[Polymer]) -> list[Fit]:
        """Return the chains that a file predicts, at least one.

        Parameters:
            stem: file name without its suffixes.
            chains: protein chains of the file.

        Raises:
            NoFitError: if there is none.
        """
        way, targets = self.named(stem)
        nearest: tuple[float, Target] | None = None
        named = []
        for target in targets:
            best = _best(target, chains)
            share = best[1].matches / min(len(best[0].letters), len(target.sequence)) if best else 0.0
            if best and share >= LEAST_IDENTITY:
                named.append(Fit(target, way, best[0].chain, best[1]))
            elif nearest is None or share > nearest[0]:
                nearest = share, target
        fits = named or list(self._by_sequence(chains))
        if not fits and nearest is not None:
            share, target = nearest
            raise NoFitError(f"named for {target.chain_id}, but only {share:.0%} of the residues are alike")
        if not fits:
            raise NoFitError("no chain is named so or has this sequence")
        return fits

    def _by_sequence(self, chains: Sequence[Polymer]) -> Iterator[Fit]:
        taken = set()
        for chain in chains:
            shared = Counter(index for word in set(_parts(chain.letters)) for index in self._with_word.get(word, ()))
            likely = [self.all[index] for index, _ in shared.most_common()]
            alike = [target for target in likely if _is_part(chain.letters, target.sequence)]
            for target in alike or likely[:MOST_ALIGNED]:
                best = _best(target, [chain])
                if best is None or target.chain_id in taken:
                    continue
                if alike or best[1].matches >= LEAST_IDENTITY * len(target.sequence):
                    taken.add(target.chain_id)
                    yield Fit(target, "sequence", chain.chain, best[1])


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers in names by their value, so that `ranked_2` goes before `ranked_10`."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.findall(r"[0-9]+|[^0-9]+", text)]


def _best(target: Target, chains: Iterable[Polymer]) -> tuple[Polymer, Placed] | None:
    best = None
    for chain in chains:
        try:
            placed = place_chain(chain, target.sequence, steps=target.steps)
        except PairingError:
            continue
        # Of identical chains the one of the target's name.
        rank = placed.matches, _named_so(chain, target)
        if best is None or rank > (best[1].matches, _named_so(best[0], target)):
            best = chain, placed
    return best


def _named_so(chain: Polymer, target: Target) -> bool:
    return f"{target.entry_id}_{chain.chain}" == target.chain_id


def _is_part(one: str, other: str) -> bool:
    return (len(one) >= min(SHORTEST_PART, len(other)) and one in other) or other in one


def _words(text: str, fold: bool) -> tuple[str, ...]:
    return tuple(re.findall(r"[A-Za-z0-9]+", text.lower() if fold else text))


def _parts(sequence: str) -> Iterator[str]:
    return (sequence[at : at + WORD] for at in range(len(sequence) - WORD + 1))
