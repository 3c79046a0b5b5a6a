"""The manifest of a run: what was made, from what, by which code, with which versions, and what each job cost."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from proteinmtp.base.files import file_sha256, text_sha256
from proteinmtp.config import Config
from proteinmtp.tables.record import Record


class Entry(BaseModel):
    """Base of what stands in the manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Made(Entry):
    """A file, or a folder with all that lies below it.

    Attributes:
        sha256: of the bytes of a file; of a folder, of the paths and the hashes of its files.
        bytes: size.
        files: how many files a folder has; 1 for a file.
    """

    sha256: str
    bytes: int
    files: int = 1

    @classmethod
    def of(cls, path: Path) -> "Made":
        """Return what lies at a path; what Snakemake notes in a folder is hidden, and no part of it.

        Raises:
            FileNotFoundError: if nothing does.
        """
        if not path.is_dir():
            return cls(sha256=file_sha256(path), bytes=path.stat().st_size)
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        names = [file.relative_to(path).as_posix() for file in files]
        digest = text_sha256(*names, *map(file_sha256, files))
        return cls(sha256=digest, bytes=sum(file.stat().st_size for file in files), files=len(files))


class JobCost(Entry):
    """Time and memory of one job.

    Attributes:
        job: its stage, run and shard, as its benchmark is called.
        seconds, cpu_seconds: wall and processor time.
        max_rss_mb: peak resident memory; None where it was too short to be measured.
    """

    job: str
    seconds: float
    cpu_seconds: float | None
    max_rss_mb: float | None


class Machine(Entry):
    """Where the manifest was made: system, processor, cores, GPUs that could be seen."""

    system: str
    processor: str
    cores: int
    gpus: list[str]


class RunManifest(Record):
    """What a results folder comes from.

    Attributes:
        commit, dirty: of the checkout, "" if it is none of git; whether files of it were changed since.
        locks: sha256 of each lock file.
        versions: of Python and of each installed package of the locks.
        machine: of the job that wrote this; on a cluster that of others may be another one.
        config: all settings.
        seeds: of each training.
        inputs: sha256 of what was read from outside: all structure files, and other files by their key in the config.
        input_files: number of structure files.
        outputs: files and folders by their path in the results.
        jobs: what each cost when it last ran.
    """

    commit: str
    dirty: bool
    locks: dict[str, str]
    versions: dict[str, str]
    machine: Machine
    config: Config
    seeds: dict[str, int]
    inputs: dict[str, str]
    input_files: int
    outputs: dict[str, Made]
    jobs: list[JobCost]


class Listed(Record):
    """What of a manifest is needed to check the files, whatever else its version says."""

    model_config = ConfigDict(extra="ignore")

    outputs: dict[str, Made]


class Combined:
    """The sha256 of many pairs of an id and a hash, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, name: str, digest: str) -> None:
        """Add one pair."""
        self._hash.update(text_sha256(name, digest).encode())
        self.count += 1

    def digest(self) -> str:
        """Return the hash of all pairs so far."""
        return self._hash.hexdigest()
