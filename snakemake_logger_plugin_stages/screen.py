"""Lines on stderr: on a terminal those on what runs stand below and change, elsewhere they come twice a minute."""

import threading
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.live import Live
from rich.text import Text

LINE_SECONDS = 30.0
"""Seconds between lines on what runs where the output is not a terminal."""


class Screen:
    """Where lines are shown.

    Parameters:
        underway: gives the lines on what runs; called by a thread.
    """

    def __init__(self, underway: Callable[[], list[str]]) -> None:
        self._underway = underway
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._watching = False
        self._closed = threading.Event()

    def show(self, lines: Iterable[str]) -> None:
        """Show lines that stay."""
        for line in lines:
            self._console.print(line, markup=False, soft_wrap=True)

    def watch(self) -> None:
        """Show from now on what runs."""
        if self._watching:
            return
        self._watching = True
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, get_renderable=self._below, transient=True, redirect_stdout=False)
            self._live.start()
        else:
            threading.Thread(target=self._tell, daemon=True).start()

    def close(self) -> bool:
        """Show no longer what runs; return whether this is the first time."""
        first = not self._closed.is_set()
        self._closed.set()
        if first and self._live is not None:
            self._live.stop()
        return first

    def _below(self) -> Text:
        return Text("\n".join(self._underway()), no_wrap=True, overflow="ellipsis")

    def _tell(self) -> None:
        while not self._closed.wait(LINE_SECONDS):
            self.show(f"  {line}" for line in self._underway())
