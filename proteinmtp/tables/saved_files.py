"""What a folder that a stage made holds: the sha256 of each file, so that content decides what runs again."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from pydantic import field_validator

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import directory_hashes, file_sha256, text_sha256
from proteinmtp.tables.record import Record

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
"""What belongs to a language model, of the files in its folder or on the hub."""


class SavedFiles(Record):
    """The files of a folder by their path in it, with their sha256."""

    files: dict[str, str]

    @field_validator("files")
    @classmethod
    def _in_the_folder(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            paths = (PurePosixPath(name), PureWindowsPath(name))
            if any(path.is_absolute() or path.drive or ".." in path.parts for path in paths) or not name:
                raise ValueError(f"{name!r} is no path in the folder")
        return files

    @property
    def digest(self) -> str:
        """A hash of all files."""
        return text_sha256(*(text for item in sorted(self.files.items()) for text in item))

    def check(self, folder: Path, record: Path) -> None:
        """Check that the files are there and as they were.

        Raises:
            DataError: naming the first that is not, and the record to delete so that it is made again.
        """
        changed = self.changed(folder)
        if changed is not None:
            raise DataError(f"{changed} is missing or changed since it was made; delete {record} to make it again")

    def changed(self, folder: Path) -> Path | None:
        """Return the first file that is not there, or not as it was; None if there is none."""
        for name, digest in self.files.items():
            if not (folder / name).is_file() or file_sha256(folder / name) != digest:
                return folder / name
        return None


class SavedBackbone(SavedFiles):
    """A language model's folder: its origin and its files; beside the record lies the folder `model`."""

    origin: str


class SavedRun(SavedFiles):
    """A trained run: what it was made from, its size, and its files; beside the record lies the folder `model`."""

    run: str
    slot_token: dict[str, str | int]
    steps: int
    saved_step: int
    backbone: str
    trained_parameters: int
    parameters: int


def model_folder(record: Path) -> Path:
    """Return the folder that a record of a backbone or of a run describes."""
    return record.parent / "model"


def hashed(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of a folder, without the caches of downloads."""
    return {name: digest for name, digest in directory_hashes(folder).items() if not name.startswith(".cache/")}
