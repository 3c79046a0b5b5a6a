"""Scores of the predicted chains of a run against the experiment."""

from dataclasses import dataclass

import numpy as np

from proteinmtp.scoring.chain import score_chain
from proteinmtp.tables.chains import ChainTrace
from proteinmtp.tables.metrics import UNREADABLE, MetricsRow
from proteinmtp.tables.traces import AS_PREDICTED, TraceRow


@dataclass(frozen=True)
class Predicted:
    """The columns of a prediction that are scored; see `proteinmtp.tables.predictions`."""

    chain_id: str
    triu: np.ndarray
    contact: np.ndarray | None
    failed_residues: int | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One chain: the experiment, what was predicted of it, and the trace rebuilt from that."""

    native: ChainTrace
    cluster_id: str
    predicted: Predicted
    trace: TraceRow


def score_case(run: str, case: Case) -> MetricsRow:
    """Return the scores of one chain of a run."""
    native, predicted, trace = case.native, case.predicted, case.trace
    seen, failed = np.isfinite(native.coords).all(1), predicted.failed_residues
    result = score_chain(
        trace.coords.astype(np.float64),
        native.coords.astype(np.float64),
        predicted=predicted.triu,
        contact=predicted.contact,
        is_trace=trace.method == AS_PREDICTED,
    )
    return MetricsRow(
        run=run,
        chain_id=native.chain_id,
        cluster_id=case.cluster_id,
        length=len(native),
        observed=int(seen.sum()),
        scores={**result.scores, UNREADABLE: None if failed is None else failed / len(native)},
        profiles=result.profiles,
        confidence=None if trace.confidence is None else trace.confidence[seen],
        stress=trace.stress,
        mirror_margin=trace.mirror_margin,
        mixed_hand=trace.mixed_hand,
        error_reach=trace.error_reach,
    )
