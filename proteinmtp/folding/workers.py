"""Traces rebuilt in processes of their own, while this one predicts."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from proteinmtp.base import lifeline, logs
from proteinmtp.config import ReconstructConfig
from proteinmtp.predictors.decode import Usual
from proteinmtp.predictors.traces import trace_batch
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.predictions import PredictionRow
from proteinmtp.tables.traces import TraceRow

Submit = Callable[[Sequence[PredictionRow], Mapping[str, str]], "Future[list[TraceRow]]"]
"""From predictions of a batch, and the letters by name, to the traces that will come."""

_begun: dict[str, Callable[[Sequence[PredictionRow], Mapping[str, str]], list[TraceRow]]] = {}
"""What a worker was begun with."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def rebuilding(workers: int, hand: HandRecord, config: ReconstructConfig) -> Iterator[Submit]:
    """Give a function that rebuilds batches: in so many processes, or with one worker at once and here."""
    if workers <= 1:
        rebuild = _rebuilder(hand, config)

        def at_once(rows: Sequence[PredictionRow], sequences: Mapping[str, str]) -> "Future[list[TraceRow]]":
            done: Future[list[TraceRow]] = Future()
            done.set_result(rebuild(rows, sequences))
            return done

        yield at_once
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(hand, config))

    def later(rows: Sequence[PredictionRow], sequences: Mapping[str, str]) -> "Future[list[TraceRow]]":
        with _uninterrupted():  # a process that is begun here leaves Ctrl-C to this one
            return pool.submit(_rebuild, rows, sequences)

    try:
        yield later
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, as processes that are begun in the block then do for good; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _rebuilder(
    hand: HandRecord, config: ReconstructConfig
) -> Callable[[Sequence[PredictionRow], Mapping[str, str]], list[TraceRow]]:
    usual = Usual.of(hand)
    return lambda rows, sequences: trace_batch(rows, sequences=sequences, usual=usual, config=config)


def _begin(hand: HandRecord, config: ReconstructConfig) -> None:
    lifeline.leave_with_parent()
    logs.setup()
    _begun["rebuild"] = _rebuilder(hand, config)


def _rebuild(rows: Sequence[PredictionRow], sequences: Mapping[str, str]) -> list[TraceRow]:
    return _begun["rebuild"](rows, sequences)
