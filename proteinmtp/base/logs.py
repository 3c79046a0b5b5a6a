"""Logging and progress: a bar on a terminal, a line every few seconds in a log file."""

import logging
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: what is logged changes no result."""

LINE_SECONDS = 5.0
"""Seconds between two progress lines where the output is not a terminal."""


def setup() -> None:
    """Send log records to stderr, one line each, with the time and the level."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )
    for library in ("bitsandbytes", "fontTools", "transformers", "huggingface_hub", "torch.distributed"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings(
        "ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning
    )  # PEFT asks for it


class Progress:
    """Progress of a loop with a known number of steps, with rate and time left.

    Parameters:
        what: name of the work, first word of each line.
        total: number of steps.
        initial: steps done before, for work that is resumed.
        unit: what is counted.
    """

    def __init__(self, what: str, total: int, initial: int = 0, unit: str = "chain"):
        self.what, self.total, self.done, self.unit = what, total, initial, unit
        self._initial = initial
        self._start = self._last = time.monotonic()
        self._bar = (
            tqdm(total=total, initial=initial, desc=what, unit=unit, dynamic_ncols=True)
            if sys.stderr.isatty()
            else None
        )

    def step(self, count: int = 1, note: str = "") -> None:
        """Count `count` steps; `note` is shown behind the numbers."""
        self.done += count
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
            return
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS or self.done == self.total:
            self._last = now
            meter = tqdm.format_meter(
                self.done, self.total, now - self._start, initial=self._initial, unit=self.unit, ncols=0
            )
            logging.info("%s %s %s", self.what, meter.strip(), note)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


def progress(items: Iterable[T], what: str, total: int, unit: str = "chain") -> Iterator[T]:
    """Yield `items` and show the progress; see `Progress`."""
    meter = Progress(what, total, unit=unit)
    for item in items:
        yield item
        meter.step()
    meter.close()
