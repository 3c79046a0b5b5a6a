"""Scores of structure files: one pair, or many."""

import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from proteinmtp.base.errors import DataError
from proteinmtp.base.metrics import NAMES
from proteinmtp.scoring.chain import MIN_OBSERVED, score_chain
from proteinmtp.structures.pairing import Pair, Pairing, PairingError, pair, place_chain
from proteinmtp.structures.polymers import Polymer
from proteinmtp.structures.protein_chains import StructureError, read_protein_chains
from proteinmtp.tables.file_scores import FilePair, FileScores, ScoredPair

FILES_KEPT = 8
LEAST_PLACED = 0.9
"""Share of the native's residues that its full sequence must hold."""
LEAST_IDENTITY = 0.3
"""Of many residues with a counterpart; with fewer alike, chains are likely those of two proteins."""


class ScoreError(DataError):
    """A pair of files that cannot be scored."""


def score_files(
    native: str | Path,
    model: str | Path,
    *,
    sequence: str | None = None,
    native_chain: str | None = None,
    model_chain: str | None = None,
    pairing: Pairing = "residues",
) -> FileScores:
    """Score a model file against a native file.

    Parameters:
        native, model: PDB or mmCIF, gzip too.
        sequence: full sequence of the native (SEQRES), if the file does not state it.
        native_chain: by default the first protein chain.
        model_chain: by default the chain of which most residues fit, the first of equals.
        pairing: see `proteinmtp.structures.pairing`.

    Raises:
        ScoreError: if a file cannot be read, has no such chain, or too few residues have a counterpart.

    >>> import proteinmtp
    >>> result = proteinmtp.score("native.cif", "model.pdb")
    >>> result.placed, round(result.identity, 2), round(result.scores["tm_score"], 3)
    (22, 1.0, 1.0)
    """
    native, model = Path(native), Path(model)
    sequence = None if sequence is None else _checked(sequence)
    try:
        fixed = _chain(_chains(native), native_chain, native)
        candidates = _chains(model)
        mobile = (
            _best(candidates, sequence or fixed.sequence or fixed.letters, pairing)
            if model_chain is None
            else _chain(candidates, model_chain, model)
        )
        both = pair(fixed, mobile, sequence=sequence, pairing=pairing)
    except (StructureError, PairingError) as error:
        raise ScoreError(str(error)) from error
    observed = int(np.isfinite(both.native).all(1).sum())
    _check(both, observed, fixed, native=native, model=model)
    scores = score_chain(both.model, both.native).scores
    return FileScores(
        native_chain=fixed.chain,
        model_chain=mobile.chain,
        length=len(both.sequence),
        observed=observed,
        placed=both.placed,
        identity=both.identity,
        scores={name: scores[name] for name in NAMES},
    )


def score_pairs(pairs: Iterable[FilePair], folder: Path, pairing: Pairing = "residues") -> Iterator[ScoredPair]:
    """Yield each pair with its scores, or with the reason why it has none.

    Parameters:
        pairs: rows of a table.
        folder: that relative paths start from.
        pairing: see `proteinmtp.structures.pairing`.
    """
    for row in pairs:
        result: FileScores | str
        try:
            result = _score_pair(row, folder, pairing)
        except ScoreError as error:
            logging.warning("%s: %s", row.name or row.model, error)
            result = str(error)
        yield ScoredPair(pair=row, result=result)


def _score_pair(row: FilePair, folder: Path, pairing: Pairing) -> FileScores:
    if not row.native or not row.model:
        raise ScoreError("the row names no native or no model")
    return score_files(
        native=folder / row.native,
        model=folder / row.model,
        sequence=row.seqres or None,
        native_chain=row.native_chain or None,
        model_chain=row.model_chain or None,
        pairing=pairing,
    )


def is_related(placed: int, identity: float) -> bool:
    """Return whether so many residues with a counterpart, of which a share is alike, speak for chains of one family.

    Few residues need more, since an alignment finds many alike by chance: as many as the curve of Rost (Protein
    Engineering 12, 85, 1999, equation 2 with n = 0) asks for.
    """
    curve: float = 4.8 * placed ** (-0.32 * (1 + math.exp(-placed / 1000)))
    return identity >= min(max(LEAST_IDENTITY, curve), 1.0)


def _check(both: Pair, observed: int, fixed: Polymer, *, native: Path, model: Path) -> None:
    """Check that enough residues have a counterpart and a place; warn of those that have none, and of few alike."""
    if both.placed < MIN_OBSERVED:
        raise ScoreError(f"{model.name}: {both.placed} residues with a counterpart, at least {MIN_OBSERVED} are needed")
    stated = int(np.isfinite(fixed.coords).all(1).sum())
    if observed < LEAST_PLACED * stated:
        raise ScoreError(f"{native.name}: only {observed} of {stated} residues have a place on the full sequence")
    if observed < stated:
        logging.warning(
            "%s: %d residues have no place on the full sequence and do not count", native.name, stated - observed
        )
    if not is_related(both.placed, both.identity):
        logging.warning(
            "%s: %.0f %% of its residues are those of %s, as in unrelated chains; is it a model of another protein?",
            model.name,
            100 * both.identity,
            native.name,
        )


def _checked(sequence: str) -> str:
    letters = "".join(sequence.split()).upper()
    if not re.fullmatch("[A-Z]+", letters):
        raise ScoreError("the full sequence must be one-letter codes A to Z")
    return letters


@lru_cache(maxsize=FILES_KEPT)
def _chains(path: Path) -> tuple[Polymer, ...]:
    return tuple(read_protein_chains(path))


def _chain(chains: Sequence[Polymer], name: str | None, path: Path) -> Polymer:
    if name is None:
        return chains[0]
    named = next((chain for chain in chains if chain.chain == name), None)
    if named is None:
        there = ", ".join(repr(chain.chain) for chain in chains)
        raise ScoreError(f"{path.name}: no protein chain {name!r}; it has {there}")
    return named


def _best(chains: Sequence[Polymer], full: str, pairing: Pairing) -> Polymer:
    if len(chains) == 1:
        return chains[0]

    def matches(chain: Polymer) -> int:
        try:
            return place_chain(chain, full, pairing).matches
        except PairingError:  # too long to be aligned, so not the one
            return -1

    return max(chains, key=matches)
