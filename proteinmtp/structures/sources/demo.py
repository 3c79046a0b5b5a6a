"""The built-in demo: synthetic proteins that a rule writes below the results folder."""

from pathlib import Path

from proteinmtp.config.data_ import SourceConfig
from proteinmtp.structures.sources import SourceFile
from proteinmtp.structures.sources.directory import list_folder

FOLDER = "data/demo/structures"


def list_files(config: SourceConfig, results: Path) -> list[SourceFile]:
    """Return the demo's files; there are none before the rule `demo` has run."""
    folder = results / FOLDER
    return list_folder(folder) if folder.is_dir() else []
