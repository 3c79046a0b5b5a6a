"""Why training stops before its end: its time is over, or it is asked to, as SLURM asks before it takes a node away."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopping:
    """Tells training when to stop.

    Parameters:
        minutes: from now, after which its time is over; None: never.
    """

    def __init__(self, minutes: float | None):
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        self.asked = False

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self._end is not None and time.monotonic() > self._end

    @property
    def due(self) -> bool:
        """Whether to stop now."""
        return self.asked or self.late

    @contextmanager
    def heeding_sigterm(self) -> Iterator[None]:
        """Take SIGTERM for the wish to stop while the block runs, in place of ending at once."""
        if threading.current_thread() is not threading.main_thread():  # Python gives signals to the main thread alone
            yield
            return
        before = signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
