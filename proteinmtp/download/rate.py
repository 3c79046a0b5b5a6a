"""A limit on requests in a second that holds over threads and over processes that share a folder."""

import contextlib
import threading
import time
from pathlib import Path

from proteinmtp.base.lock import locked

MAX_RETRY_AFTER = 120.0
"""Seconds; a server that asks for more rest is asked again after this."""

BURST = 1000
"""A next start that is this many requests away was written before somebody set the clock, and does not count."""


class RateLimit:
    """Starts requests at even distances in time.

    The time at which the next request may start stands in a file, under a lock: who comes takes it, moves it on by
    one interval, and waits until then.

    Parameters:
        folder: where the file and the lock are; all who use it keep to one rate together.
        per_second: requests started in a second, at most.
        stopped: an event that ends all waiting.
    """

    def __init__(self, folder: Path, per_second: float, stopped: threading.Event):
        self._interval = 1 / per_second
        self._file = folder / ".next-request"
        self._lock = folder / ".next-request.lock"
        self._stopped = stopped

    def wait(self) -> None:
        """Return when a request may start."""
        with locked(self._lock):
            start = self._next()
            self._file.write_text(repr(start + self._interval), encoding="ascii")
        self._stopped.wait(max(0.0, start - time.time()))

    def pause(self, seconds: float) -> None:
        """Let nobody start a request for so many seconds, as a server asked for with Retry-After."""
        with locked(self._lock):
            start = max(self._next(), time.time() + min(seconds, MAX_RETRY_AFTER))
            self._file.write_text(repr(start), encoding="ascii")

    def _next(self) -> float:
        now = time.time()
        start = now
        with contextlib.suppress(OSError, ValueError):
            start = float(self._file.read_text(encoding="ascii"))
        return start if now < start < now + MAX_RETRY_AFTER + BURST * self._interval else now
