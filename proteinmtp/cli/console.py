"""Text for people: with frames on a terminal, plain lines that are neither broken nor cut in a file or a pipe."""

import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 10_000
"""Characters of a line that goes to a file or a pipe."""


class Page:
    """What a command prints to stdout."""

    def __init__(self) -> None:
        self._framed = sys.stdout.isatty()
        self._console = Console(width=None if self._framed else PIPED_WIDTH, highlight=False)

    def line(self, text: str = "", *, bold: bool = False) -> None:
        """Print a line as it is."""
        self._console.print(text, style="bold" if bold else None, markup=False)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False) -> None:
        """Print a table.

        Parameters:
            headers: of the columns; all empty: none are shown.
            rows: cells of each.
            numbers: whether columns with a header are aligned to the right.
        """
        table = Table(
            show_header=any(headers),
            box=box.SIMPLE if self._framed else None,
            header_style="dim",
            pad_edge=self._framed,
        )
        for header in headers:
            table.add_column(header, justify="right" if numbers and header else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        self._console.print(table)
