"""Contacts between residues: of those that are predicted likeliest, how many the experiment has."""

import numpy as np
from scipy.spatial.distance import cdist

from proteinmtp.geometry.constants import CONTACT
from proteinmtp.geometry.pair_scores import (
    LIKELY,
    LONG_RANGE,
    MEDIUM_RANGE,
    PairScores,
    contact_precision,
    likeliest,
)
from proteinmtp.geometry.virtual_beta import virtual_betas
from proteinmtp.tables import triangle

RANGES = {"contacts": LONG_RANGE, "contacts12": MEDIUM_RANGE}


def alpha_contacts(pairs: PairScores, observed: int, *, by_distance: bool) -> dict[str, float | None]:
    """Return the precision of contacts of C-alpha atoms.

    Parameters:
        pairs: of the observed residues.
        observed: how many these are.
        by_distance: whether pairs are ranked by distance, not by probability.
    """
    first = 1.5 * CONTACT if by_distance else -LIKELY
    counts = {"l": observed, "l2": observed // 2, "l5": observed // 5, "r": int(np.count_nonzero(pairs.far_contact))}
    most = max(counts.values())
    far = likeliest(pairs.far, pairs.far_contact, most=most, first=first)
    medium = likeliest(pairs.medium, pairs.medium_contact, most=most, first=first)
    both = (np.concatenate(parts) for parts in zip(medium, far, strict=True))
    alone = contact_precision(*far, counts=list(counts.values()))
    together = contact_precision(*both, counts=[counts["l"], counts["l5"]])
    precision = {f"contacts_{name}": value for name, value in zip(counts, alone, strict=True)}
    return precision | dict(zip(("contacts12_l", "contacts12_l5"), together, strict=True))


def beta_contacts(
    coords: np.ndarray,
    native: np.ndarray,
    *,
    seen: np.ndarray,
    predicted: np.ndarray | None,
    contact: np.ndarray | None,
) -> dict[str, float | None]:
    """Return the precision of contacts of virtual C-beta atoms, of both traces.

    Parameters:
        coords: (L, 3) of the model, angstrom, NaN where it has no residue.
        native: (L, 3), angstrom, NaN where not observed.
        seen: (L,) True for the observed residues.
        predicted: (P,) predicted distances of the C-alpha atoms of pairs i < j, which rank them without `contact`;
            None: they are ranked by the distance of the model's virtual C-beta atoms.
        contact: (P,) probability that their C-alpha atoms are in contact, which ranks them before all else.
    """
    places = np.flatnonzero(seen)
    # What the experiment has not seen must not count, as a neighbour either.
    true, model = (virtual_betas(np.where(seen[:, None], points, np.nan))[seen] for points in (native, coords))
    given = predicted if contact is None else -contact
    order = cdist(model, model) if given is None else triangle.unpack(given, len(native))[np.ix_(places, places)]
    first = 1.5 * CONTACT if contact is None else -LIKELY
    # Of all pairs few are likely, and most often these are enough.
    near, apart = np.flatnonzero(order < first), places - places[:, None]
    scores: dict[str, float | None] = {}
    for name, least in RANGES.items():
        asked = near[apart.flat[near] >= least]
        if len(asked) < len(places):
            asked = np.flatnonzero(apart >= least)
        here, there = np.divmod(asked, len(places))
        touching = np.linalg.norm(true[here] - true[there], axis=1) < CONTACT
        found = contact_precision(order.flat[asked], touching, counts=[len(places), len(places) // 5])
        scores |= dict(zip((f"{name}_virtual_cb_l", f"{name}_virtual_cb_l5"), found, strict=True))
    return scores
