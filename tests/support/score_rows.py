"""Rows of a table of scores, as `evaluate` writes them."""

from collections.abc import Mapping

import numpy as np

from proteinmtp.base.metrics import METRICS_SHOWN, NAMES, PROFILES
from proteinmtp.tables.metrics import UNREADABLE, MetricsRow


def metrics_row(
    chain_id: str = "c",
    *,
    scores: Mapping[str, float | None] | None = None,
    profiles: Mapping[str, np.ndarray] | None = None,
    **changes: object,
) -> MetricsRow:
    """Return a row in which only the named metrics have values; a chain is its own cluster if nothing else is said."""
    values = {
        "run": "a", "cluster_id": chain_id, "length": 50, "observed": 40, "confidence": None, "stress": 1.0,
        "mirror_margin": 0.5, "mixed_hand": 0.0, "error_reach": None,
    } | changes  # fmt: skip
    return MetricsRow(
        chain_id=chain_id,
        scores=dict.fromkeys((*NAMES, UNREADABLE)) | dict(scores or {}),
        profiles=dict.fromkeys(PROFILES) | dict(profiles or {}),
        **values,
    )


def all_metrics(value: float) -> dict[str, float]:
    """Return one value for each metric that tables show."""
    return {metric.name: value for metric in METRICS_SHOWN}
