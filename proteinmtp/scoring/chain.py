"""All metrics of one chain. Only observed residues count."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from proteinmtp.base.metrics import NAMES, PROFILES
from proteinmtp.geometry.chirality import pseudo_dihedrals
from proteinmtp.geometry.constants import HELIX, HELIX_KEPT, SAME_FOLD, STRAND, STRAND_KEPT
from proteinmtp.geometry.pair_scores import PairScores, pair_scores
from proteinmtp.geometry.superposition import Scores, Superpositions, scores_of
from proteinmtp.geometry.trace import bond_violations, radius_of_gyration
from proteinmtp.scoring.contacts import alpha_contacts, beta_contacts

MIN_OBSERVED = 3
"""Residues that a superposition needs."""


@dataclass(frozen=True, kw_only=True)
class ChainScores:
    """The metrics of one chain.

    Attributes:
        scores: one number for each of `NAMES`, None where there is none.
        profiles: values for the bins or the observed residues, for each of `PROFILES`; None where there are none.
    """

    scores: Mapping[str, float | None]
    profiles: Mapping[str, np.ndarray | None]


def score_chain(
    coords: np.ndarray,
    native: np.ndarray,
    *,
    predicted: np.ndarray | None = None,
    contact: np.ndarray | None = None,
    is_trace: bool = False,
) -> ChainScores:
    """Return all metrics of one chain.

    Parameters:
        coords: (L, 3) reconstructed, angstrom, NaN where the model has no residue: such a residue is not superposed
            and counts as wrong in lDDT, TM-score and GDT.
        native: (L, 3) experimental, angstrom, NaN where not observed.
        predicted: (P,) distances of the pairs i < j, row by row, angstrom, NaN where there is none; None for a model
            that predicts none, whose own distances are taken.
        contact: (P,) probability that a pair i < j is in contact; None: contacts are ranked by distance.
        is_trace: whether the trace itself was predicted; its virtual C-beta atoms rank their contacts then.

    Returns:
        All None where fewer than three residues are in the experiment. Where fewer than three of these are in the
        model, TM-score and GDT are 0, and what else needs a superposition is None.
    """
    seen = np.isfinite(native).all(1)
    both = seen & np.isfinite(coords).all(1)
    if seen.sum() < MIN_OBSERVED:
        return ChainScores(scores=dict.fromkeys(NAMES), profiles=dict.fromkeys(PROFILES))
    pairs = pair_scores(
        coords[seen],
        native[seen],
        places=np.flatnonzero(seen),
        predicted=predicted,
        length=len(native),
        contact=contact,
    )
    observed = int(seen.sum())
    scores = dict.fromkeys(NAMES) | _lddt(pairs) | _errors(pairs) | _turns(coords, native)
    scores |= alpha_contacts(pairs, observed, by_distance=contact is None)
    scores |= beta_contacts(coords, native, seen=seen, predicted=None if is_trace else predicted, contact=contact)
    if both.sum() < MIN_OBSERVED:
        scores |= dict.fromkeys(("tm_score", "gdt_ts", "gdt_ha"), 0.0)
    else:
        scores |= _superposed(coords[both], native[both], places=np.flatnonzero(both), observed=observed)
        scores["clashes"] = float(pairs.clashing[both[seen]].mean())
    return ChainScores(scores=scores, profiles=_lddt_profiles(pairs) | _error_profiles(pairs))


def _superposed(mobile: np.ndarray, fixed: np.ndarray, *, places: np.ndarray, observed: int) -> dict[str, float | None]:
    """Return the scores of the residues that are in both, at `places` of the sequence."""
    pair = Superpositions(mobile, fixed)
    superposed = scores_of(pair, observed)
    radius, native_radius = radius_of_gyration(mobile), radius_of_gyration(fixed)
    return {
        "rmsd": superposed.rmsd,
        "tm_score": superposed.tm_score,
        "gdt_ts": superposed.gdt_ts,
        "gdt_ha": superposed.gdt_ha,
        "mirrored": _mirrored(pair, superposed, observed),
        "radius_of_gyration": radius,
        "radius_error": abs(radius / native_radius - 1),
        "bond_violations": bond_violations(mobile, places),
    }


def _mirrored(pair: Superpositions, superposed: Scores, observed: int) -> float | None:
    """Return 1 if the mirror image has the lower RMSD, and 0 if not; None where even the better hand is another fold.

    Of a wrong fold either hand may have the lower RMSD, which says nothing of the hand.
    """
    mirrored = pair.mirror_rmsd() < superposed.rmsd
    better = scores_of(pair.mirrored(), observed) if mirrored else superposed
    return float(mirrored) if better.tm_score >= SAME_FOLD else None


def _turns(coords: np.ndarray, native: np.ndarray) -> dict[str, float | None]:
    """Return the shares of the native's helix and strand windows that the model winds as they are, and as mirrored."""
    both = (torch.from_numpy(of.copy()) for of in (coords, native))
    angles, native_angles = (np.degrees(pseudo_dihedrals(of).numpy()) for of in both)
    helix, strand = (_within(native_angles, native_range) for native_range in (HELIX, STRAND))
    kept = {
        "helix_right": (helix, _within(angles, HELIX_KEPT)),
        "helix_left": (helix, _within(-angles, HELIX_KEPT)),
        "strand_right": (strand, _within(angles, STRAND_KEPT)),
    }
    return {name: float(turned[windows].mean()) if windows.any() else None for name, (windows, turned) in kept.items()}


def _within(angles: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    inside: np.ndarray = (low <= angles) & (angles <= high)
    return inside


def _lddt(pairs: PairScores) -> dict[str, float | None]:
    total = pairs.local.sum()
    kept = {"lddt": pairs.kept, "lddt_distances": pairs.kept_distances}
    return {name: float(of_residues.sum() / total) if total else None for name, of_residues in kept.items()}


def _lddt_profiles(pairs: PairScores) -> dict[str, np.ndarray | None]:
    kept = {"lddt_residues": pairs.kept, "lddt_distances_residues": pairs.kept_distances}
    with np.errstate(invalid="ignore"):
        return {name: (of_residues / pairs.local).astype(np.float32) for name, of_residues in kept.items()}


def _errors(pairs: PairScores) -> dict[str, float | None]:
    number, absolute, squared = pairs.by_separation.sum(0)
    return {
        "mae": float(absolute / number) if number else None,
        "rmse": float(np.sqrt(squared / number)) if number else None,
    }


def _error_profiles(pairs: PairScores) -> dict[str, np.ndarray | None]:
    profiles: dict[str, np.ndarray | None] = {}
    for name, bins in (("separation", pairs.by_separation), ("distance", pairs.by_distance)):
        with np.errstate(invalid="ignore"):
            profiles[f"mae_by_{name}"] = bins[:, 1] / bins[:, 0]
            profiles[f"rmse_by_{name}"] = np.sqrt(bins[:, 2] / bins[:, 0])
    return profiles
