"""The record of a model's folder: what is in it, of which run, and which language model lies under it."""

from typing import Literal

from proteinmtp.base.files import text_sha256
from proteinmtp.tables.record import Record
from proteinmtp.tables.saved_files import SavedFiles


class Base(Record):
    """The language model under a trained run.

    Attributes:
        kind: none: the run's own weights are the whole of it; folder: it lies in `base`; hub: it is fetched.
        id, revision: of a model on the hub.
    """

    kind: Literal["none", "folder", "hub"]
    id: str | None = None
    revision: str | None = None


class Artefact(SavedFiles):
    """A model's folder; `files` are all but this record.

    Attributes:
        format: of the folder.
        run: whose model it is.
        base: the language model under it.
        versions: of the packages that made it.
    """

    format: Literal[1] = 1
    run: str
    base: Base
    versions: dict[str, str]

    @property
    def digest(self) -> str:
        """A hash of all files, which names the model."""
        return text_sha256(*(text for item in sorted(self.files.items()) for text in item))
