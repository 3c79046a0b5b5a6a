"""All metrics of one chain. Only observed residues count."""

from typing import Any

import numpy as np

from proteinmtp.base.metrics import COLUMNS
from proteinmtp.geometry.pair_scores import CONTACT, LIKELY, PairScores, contact_precision, pair_scores
from proteinmtp.geometry.search import Superpositions
from proteinmtp.geometry.superposition import scores_of
from proteinmtp.geometry.trace import bond_violations, radius_of_gyration

MIN_OBSERVED = 3


def score_chain(
    predicted: np.ndarray | None, coords: np.ndarray, native: np.ndarray, contact: np.ndarray | None = None
) -> dict[str, Any]:
    """Return all metrics of one chain.

    Parameters:
        predicted: (P,) distances of the pairs i < j, row by row, angstrom, NaN where there is none; None for a model
            that predicts none, whose own distances are taken.
        coords: (L, 3) reconstructed, angstrom, NaN where the model has no residue: such a residue is not superposed
            and counts as wrong in lDDT, TM-score and GDT.
        native: (L, 3) experimental, angstrom, NaN where not observed.
        contact: (P,) probability that a pair i < j is in contact; None: contacts are ranked by distance.

    Returns:
        A value for each of `COLUMNS`; all None where fewer than three residues are in the experiment. Where fewer than
        three of these are in the model, TM-score and GDT are 0, and what else needs a superposition is None.
    """
    seen = np.isfinite(native).all(1)
    both = seen & np.isfinite(coords).all(1)
    if seen.sum() < MIN_OBSERVED:
        return dict.fromkeys(COLUMNS)
    observed = int(seen.sum())
    places = np.flatnonzero(seen)
    pairs = pair_scores(coords[seen], native[seen], places, predicted, len(native), contact)
    of_contacts = _contacts(pairs, observed, 2 * CONTACT if contact is None else -LIKELY)
    of_pairs = _local(pairs) | _errors(pairs) | of_contacts
    if both.sum() < MIN_OBSERVED:
        return dict.fromkeys(COLUMNS) | of_pairs | dict.fromkeys(("tm_score", "gdt_ts", "gdt_ha"), 0.0)
    mobile, fixed = coords[both], native[both]
    pair = Superpositions(mobile, fixed)
    superposed = scores_of(pair, observed)
    radius, native_radius = radius_of_gyration(mobile), radius_of_gyration(fixed)
    return {
        "rmsd": superposed.rmsd,
        "tm_score": superposed.tm_score,
        "gdt_ts": superposed.gdt_ts,
        "gdt_ha": superposed.gdt_ha,
        "mirrored": float(pair.mirror_rmsd() < superposed.rmsd),
        "radius_of_gyration": radius,
        "radius_error": abs(radius / native_radius - 1),
        "bond_violations": bond_violations(mobile, np.flatnonzero(both)),
        "clashes": float(pairs.clashing[both[seen]].mean()),
        **of_pairs,
    }


def _local(pairs: PairScores) -> dict[str, Any]:
    total = pairs.local.sum()
    found: dict[str, Any] = {}
    for name, kept in (("lddt", pairs.kept), ("lddt_distances", pairs.kept_distances)):
        with np.errstate(invalid="ignore"):
            found[f"{name}_residues"] = (kept / pairs.local).astype(np.float32)
        found[name] = float(kept.sum() / total) if total else None
    return found


def _errors(pairs: PairScores) -> dict[str, Any]:
    number, absolute, squared = pairs.by_separation.sum(0)
    found: dict[str, Any] = {
        "mae": float(absolute / number) if number else None,
        "rmse": float(np.sqrt(squared / number)) if number else None,
    }
    for name, bins in (("separation", pairs.by_separation), ("distance", pairs.by_distance)):
        with np.errstate(invalid="ignore"):
            found[f"mae_by_{name}"] = bins[:, 1] / bins[:, 0]
            found[f"rmse_by_{name}"] = np.sqrt(bins[:, 2] / bins[:, 0])
    return found


def _contacts(pairs: PairScores, observed: int, first: float) -> dict[str, float | None]:
    counts = {"l": observed, "l2": observed // 2, "l5": observed // 5, "r": int(pairs.far_contact.sum())}
    far = contact_precision(pairs.far, pairs.far_contact, list(counts.values()), first)
    order, contact = (
        np.concatenate(parts) for parts in ((pairs.medium, pairs.far), (pairs.medium_contact, pairs.far_contact))
    )
    both = contact_precision(order, contact, [counts["l"], counts["l5"]], first)
    found = {f"contacts_{name}": value for name, value in zip(counts, far, strict=True)}
    return found | dict(zip(("contacts12_l", "contacts12_l5"), both, strict=True))
