"""The record of a model's folder: what is in it, of which run, and which language model lies under it."""

from typing import Literal

from pydantic import Field

from proteinmtp.tables.record import Record
from proteinmtp.tables.saved_files import SavedFiles


class Base(Record):
    """The language model under a trained run.

    Attributes:
        kind: none: the run's own weights are the whole of it; folder: it lies in `base`; hub: it is fetched.
        origin: what it was before the run, in words for people.
        id, revision: of a model on the hub.
        quantised: how its weights lie here, if not as they were trained.
    """

    kind: Literal["none", "folder", "hub"]
    origin: str
    id: str | None = None
    revision: str | None = None
    quantised: Literal["int8", "nf4"] | None = None


class Artefact(SavedFiles):
    """A model's folder; `files` are all but this record.

    Attributes:
        format: of the folder.
        run: whose model it is.
        trained: hash of the files that training saved, by which the report knows the model.
        source: kind of the source of the structures that it learnt from.
        base: the language model under it.
        versions: of the packages that made it.
    """

    format: Literal[1] = 1
    run: str = Field(pattern=r"^[a-z][a-z0-9_]*(-[0-9]+)?$")
    trained: str
    source: str
    base: Base
    versions: dict[str, str]
