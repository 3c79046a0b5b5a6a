"""The built-in demo: synthetic proteins that a rule writes below the results folder."""

from pathlib import Path

from proteinmtp.structures.source import SourceBase, SourceFile
from proteinmtp.structures.sources.directory import list_folder

FOLDER = "data/demo/structures"


class Source(SourceBase):
    """The demo's files.

    Parameters:
        results: the results folder.
    """

    def __init__(self, *, results: Path):
        self._folder = results / FOLDER

    def list_files(self) -> list[SourceFile]:
        """Return the demo's files; there are none before the rule `demo` has run."""
        return list_folder(self._folder) if self._folder.is_dir() else []
