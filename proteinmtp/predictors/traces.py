"""From predictions to C-alpha traces.

Of the two mirror images of what is rebuilt from distances, the one is taken whose pseudo-dihedrals are more likely
under the training chains. The experimental structure of a predicted chain is never looked at. What predicts a trace is
taken as it is, in its own hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from proteinmtp.base.logs import Progress
from proteinmtp.config import ReconstructConfig
from proteinmtp.geometry import bins
from proteinmtp.geometry.chirality import BINS, mirror_log_ratio, wrong_hand_fraction
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.expected_lddt import expected_lddt
from proteinmtp.geometry.mds import stress
from proteinmtp.geometry.rebuild import judged, rebuild
from proteinmtp.predictors.decode import SHORTEST, Usual, decode
from proteinmtp.tables import distogram, triangle
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.predictions import PredictionRow
from proteinmtp.tables.traces import AS_PREDICTED, TraceRow

WIDTHS = 8
"""Chains are padded to a multiple of so many residues, so that what they get does not depend on their company."""
BATCH_PAIRS = 500_000
"""Matrix entries that are rebuilt together: two megabytes for each matrix in float32, about what a cache holds."""
HELD_BYTES = 2**28
"""Of predictions that are in memory at a time: in a shard of any size, enough that batches of like length fill."""
ENERGY_PAIRS = 150_000
"""The same under an energy, which has a table for each pair, and a line search that goes on until all are content."""


def traces(
    predictions: Sequence[PredictionRow],
    *,
    sequences: Mapping[str, str],
    hand: HandRecord,
    config: ReconstructConfig,
    meter: Progress | None = None,
) -> list[TraceRow]:
    """Return the trace of each prediction, in their order; chains of like length are rebuilt together.

    Parameters:
        predictions: of some chains.
        sequences: letters by chain id.
        hand: of the training chains.
        config: method, steps, cap.
        meter: counts the chains, if they are some of more.
    """
    usual = Usual.of(hand)
    rows: dict[str, TraceRow] = {}
    meter = meter or Progress("reconstruct", len(predictions))
    lengths = {row.chain_id: row.length for row in predictions}
    by_id = {row.chain_id: row for row in predictions}
    for members in batches(lengths, config):
        batch = trace_batch([by_id[name] for name in members], sequences=sequences, usual=usual, config=config)
        rows |= {row.chain_id: row for row in batch}
        meter.step(len(members))
    return [rows[prediction.chain_id] for prediction in predictions]


def held_together(predictions: Iterable[PredictionRow]) -> Iterator[list[PredictionRow]]:
    """Yield predictions in their order, as many at a time as take `HELD_BYTES`, one at least.

    It is always the same list, emptied before it is filled again. The traces of a part are those that its chains have
    among all others, see `trace_batch`.
    """
    held: list[PredictionRow] = []
    size = 0
    for row in predictions:
        held.append(row)
        size += sum(value.nbytes for value in vars(row).values() if isinstance(value, np.ndarray))
        if size >= HELD_BYTES:
            yield held
            held.clear()  # the caller still has the list
            size = 0
    if held:
        yield held


def batches(lengths: Mapping[str, int], config: ReconstructConfig) -> Iterator[list[str]]:
    """Yield the chains that are rebuilt together, shortest first: those of one width, as many as a batch holds.

    Parameters:
        lengths: residues by chain id.
        config: its method.
    """
    pairs = ENERGY_PAIRS if config.method == "energy" else BATCH_PAIRS
    batch: list[str] = []
    for name, length in sorted(lengths.items(), key=lambda item: item[1]):
        width = _width(length)
        if batch and (width != _width(lengths[batch[0]]) or (len(batch) + 1) * width**2 > pairs):
            yield batch
            batch = []
        batch.append(name)
    if batch:
        yield batch


def trace_batch(
    rows: Sequence[PredictionRow], *, sequences: Mapping[str, str], usual: Usual, config: ReconstructConfig
) -> list[TraceRow]:
    """Return the traces of chains of one width, on one thread: a chain gets the same bits in any company.

    On two threads it would not, and at these sizes they take longer than one.

    Parameters:
        rows: predictions of one batch of `batches`.
        sequences: letters by chain id.
        usual: of the training chains.
        config: method, steps, cap.
    """
    kept = {row.chain_id: _as_predicted(row, row.coords, usual.counts) for row in rows if row.coords is not None}
    others = [row for row in rows if row.chain_id not in kept]
    if others:
        with _one_thread():
            rebuilt = _rebuilt(others, sequences=sequences, usual=usual, config=config)
        kept |= {row.chain_id: row for row in rebuilt}
    return [kept[row.chain_id] for row in rows]


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _width(length: int) -> int:
    """Return the residues that a chain is padded to: a function of its length alone."""
    return -(-length // WIDTHS) * WIDTHS


def _as_predicted(row: PredictionRow, coords: np.ndarray, counts: Tensor) -> TraceRow:
    """Return a predicted trace (L, 3) as it is."""
    trace = torch.from_numpy(coords.astype(np.float64))
    residues = int(trace.isfinite().all(-1).sum())
    return TraceRow(
        chain_id=row.chain_id,
        length=row.length,
        coords=trace.numpy(),
        method=AS_PREDICTED,
        stress=float(stress(torch.from_numpy(triangle.unpack(row.triu, row.length)), trace)),
        mirror_margin=float(mirror_log_ratio(trace, counts)) / max(residues, 1),
        mixed_hand=float(wrong_hand_fraction(trace, counts, length=torch.tensor(residues))),
        error_reach=None,
        confidence=row.confidence,
    )


def _rebuilt(
    rows: Sequence[PredictionRow], *, sequences: Mapping[str, str], usual: Usual, config: ReconstructConfig
) -> list[TraceRow]:
    lengths = [row.length for row in rows]
    width = _width(max(lengths))
    before_proline = torch.zeros(len(rows), width, dtype=torch.bool)
    for index, row in enumerate(rows):
        following = sequences[row.chain_id][1:]
        is_proline = [letter == "P" for letter in following]
        before_proline[index, : len(following)] = torch.tensor(is_proline, dtype=torch.bool)
    sigma, dihedral = _complete([row.sigma for row in rows]), _complete([row.dihedral for row in rows])
    point, mask = _stacked([row.triu for row in rows], lengths), torch.arange(width) < torch.tensor(lengths)[:, None]
    turns = None if dihedral is None else _dihedrals(dihedral, width)
    batch = rebuild(
        point,
        mask,
        counts=usual.counts,
        config=config,
        sigma=None if sigma is None else _stacked(sigma, lengths),
        before_proline=before_proline,
        dihedral=turns,
    )
    expected: Sequence[np.ndarray | None] = [row.confidence for row in rows]
    energies: Sequence[float | None] = [None] * len(rows)
    methods: list[str] = ["gradient" if config.method == "energy" else config.method] * len(rows)
    distograms = _complete([row.distogram for row in rows])
    if config.method == "energy" and turns is not None and distograms is not None and width >= SHORTEST:
        decoded = decode(
            distograms, turns, point=point, scaled=batch.coords, mask=mask, usual=usual, before_proline=before_proline
        )
        known = point if config.cap is None else torch.where(point < config.cap, point, torch.nan)
        batch = judged(decoded.coords, known, mask=mask, counts=usual.counts, reach=batch.reach)
        methods = [f"energy, {family}" for family in decoded.family]
        energies = decoded.energy.tolist()
        expected = [
            _expected(packed, batch.coords[index, : row.length])
            for index, (row, packed) in enumerate(zip(rows, distograms, strict=True))
        ]
    return [
        TraceRow(
            chain_id=row.chain_id,
            length=row.length,
            coords=batch.coords[index, : row.length].numpy(),
            method=methods[index],
            stress=float(batch.stress[index]),
            mirror_margin=float(batch.margin[index]),
            mixed_hand=float(batch.mixed[index]),
            error_reach=float(batch.reach[index]) if batch.reach[index].isfinite() else None,
            confidence=expected[index],
            energy=energies[index],
        )
        for index, row in enumerate(rows)
    ]


def _expected(packed: np.ndarray, coords: Tensor) -> np.ndarray:
    """Return the lDDT (L,) that a trace (L, 3) has if its distogram is true, 0..100."""
    likely = torch.from_numpy(distogram.unpack(packed, bins.BINS))
    of_residues: np.ndarray = 100 * expected_lddt(pairwise_distances(coords), likely).numpy()
    return of_residues


def _complete(columns: Sequence[np.ndarray | None]) -> list[np.ndarray] | None:
    """Return the values of a column if every row has one."""
    values = [value for value in columns if value is not None]
    return values if len(values) == len(columns) else None


def _stacked(packed: Sequence[np.ndarray], lengths: Sequence[int]) -> Tensor:
    """Return packed matrices, padded with zeros: (B, L, L) float32 with L the width."""
    stacked = torch.zeros(len(packed), _width(max(lengths)), _width(max(lengths)))
    for index, (triu, length) in enumerate(zip(packed, lengths, strict=True)):
        stacked[index, :length, :length] = torch.from_numpy(triangle.unpack(triu, length).astype(np.float32))
    return stacked


def _dihedrals(logits: Sequence[np.ndarray], width: int) -> Tensor:
    """Return the logits of the predicted pseudo-dihedrals, padded with zeros: (B, width - 3, BINS) float32."""
    stacked = torch.zeros(len(logits), max(width - 3, 0), BINS)
    for index, flat in enumerate(logits):
        of_chain = torch.from_numpy(flat.astype(np.float32).reshape(-1, BINS))
        stacked[index, : len(of_chain)] = of_chain
    return stacked
