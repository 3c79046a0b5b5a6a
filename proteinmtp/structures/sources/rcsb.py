"""Entries of the PDB by id: mmCIF files, downloaded from a mirror of the archive and kept.

A manifest job downloads what its shard needs and is not there yet, so a stopped run goes on where it was. An id that
could not be fetched is in quarantine, and stays there until its manifest is made again, which asks for it anew:
`snakemake --forcerun manifest`. Files are kept as they are; to get later revisions, delete the folder. Where the
server is out of reach altogether, the job fails instead, and the next run goes on.
"""

import logging
import re
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from enum import Enum, auto
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from proteinmtp.base.files import text_sha256
from proteinmtp.base.logs import progress
from proteinmtp.download.http import Downloader, DownloadError, NotFoundError, TransientError, UnreachableError
from proteinmtp.download.log import DownloadLog
from proteinmtp.download.rate import RateLimit
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.source import SourceBase, SourceError, SourceFile

PDB_ID = re.compile(r"[1-9][a-z0-9]{3}|pdb_[a-z0-9]{8}")
OLD_ID = re.compile(r"pdb_0000([1-9][a-z0-9]{3})")
"""An id in its extended form that has a short one too; both are one entry."""

FILE_NAME = re.compile(r"[A-Za-z0-9_.-]+\.(?:cif|mmcif|pdb|ent)(?:\.gz)?")
NAMED = 20
"""Repeated ids that are named in a warning."""

FAILURES = 20
"""Downloads that fail one after another before the server is taken to be out of order."""

SILENT = 3
"""Downloads without any answer, where none had one, before the server is taken to be out of reach."""

AGAIN = "to ask for them again: snakemake --forcerun manifest"


class Source(SourceBase):
    """Entries of the PDB by id.

    Parameters:
        results: the results folder.
        ids: text file with PDB ids, separated by blanks, commas or lines; # begins a comment.
        mirror: address of a file; <id> is the code in lower case, <mid> its two middle letters.
        obsolete: address of the list of obsolete ids, or None for not asking.
        folder: where files are kept; None for `work/rcsb` below the results folder.
        connections: downloads at the same time.
        per_second: requests started in a second, at most.
        timeout: seconds without an answer after which a request is tried again.
        retries: how often a request is tried again.
    """

    def __init__(
        self,
        *,
        results: Path,
        ids: str | None,
        mirror: str,
        obsolete: str | None,
        folder: str | None,
        connections: int,
        per_second: float,
        timeout: float,
        retries: int,
    ):
        self._ids, self._mirror, self._obsolete = Path(ids or ""), mirror, obsolete
        self._folder = Path(folder) if folder else results / "work" / "rcsb"
        self._connections, self._per_second = connections, per_second
        self._timeout, self._retries = timeout, retries

    def list_files(self) -> list[SourceFile]:
        """Return one file for each id in the list of ids; nothing is downloaded.

        Raises:
            SourceError: if there is no such list, or no id in it.
        """
        try:
            text = self._ids.read_text(encoding="utf-8-sig", errors="replace")
        except OSError as error:
            raise SourceError(
                f"source.rcsb.ids: {self._ids} cannot be read ({error.strerror}); name a text file with PDB ids"
            ) from None
        words = [word for line in text.splitlines() for word in re.split(r"[\s,;]+", line.partition("#")[0]) if word]
        if not words:
            raise SourceError(
                f"source.rcsb.ids: no PDB id in {self._ids}; write ids separated by blanks, commas or lines"
            )
        ids = Counter(OLD_ID.sub(r"\1", word.lower()) for word in words)
        if repeated := [name for name, count in ids.items() if count > 1]:
            named = ", ".join(repeated[:NAMED]) + (", ..." if len(repeated) > NAMED else "")
            logging.warning("%s: %d ids stand there more than once and count once: %s", self._ids, len(repeated), named)
        return [_file(name, self._folder, self._mirror) for name in ids]

    def fetch(self, files: Sequence[SourceFile]) -> list[SourceFile]:
        """Download the files that are not there yet, and return all, with a problem where that failed.

        Raises:
            SourceError: if so many downloads fail one after another, or all of them without any answer, that it must
                be the server or the network and not the entries.
        """
        wanted = [file for file in files if file.problem is None and file.url is not None]
        if not wanted:
            return list(files)
        folder = wanted[0].path.parent
        folder.mkdir(parents=True, exist_ok=True)
        stopped = threading.Event()
        downloader = Downloader(
            rate=RateLimit(folder, self._per_second, stopped),
            connections=self._connections,
            timeout=self._timeout,
            retries=self._retries,
            stopped=stopped,
        )
        fetch = _Fetch(downloader, folder=folder, obsolete=self._obsolete, stopped=stopped)
        done = {file.entry_id: file for file in fetch.run(wanted, self._connections)}
        files = [done.get(file.entry_id, file) for file in files]
        failed = [file.problem.message for file in files if file.problem is not None]
        if failed:
            logging.warning(
                "%d of %d entries were not fetched; %s\n%s", len(failed), len(files), AGAIN, "\n".join(failed)
            )
        return files


class _Outcome(Enum):
    """What became of a file: it was there; the server had it or refused it; it failed; there was no answer."""

    KEPT = auto()
    ANSWERED = auto()
    FAILED = auto()
    SILENT = auto()


def _out_of_reach(what: str, example: SourceFile) -> SourceError:
    reason = example.problem.message if example.problem else ""
    return SourceError(f"source.rcsb.mirror: {what} ({reason}); what was fetched is kept, start again to go on")


class _Fetch:
    """The downloads of one manifest job."""

    def __init__(self, downloader: Downloader, *, folder: Path, obsolete: str | None, stopped: threading.Event):
        self._download, self._folder, self._stopped = downloader.fetch, folder, stopped
        self._obsolete_url = obsolete
        self._downloads = DownloadLog(folder)
        self._obsolete: dict[str, list[str]] | None = None
        self._lock = threading.Lock()

    def run(self, files: Sequence[SourceFile], connections: int) -> list[SourceFile]:
        """Return the files, with a problem where the download failed."""
        pool = ThreadPoolExecutor(connections)
        done: list[SourceFile] = []
        outcomes: Counter[_Outcome] = Counter()
        in_a_row = 0
        try:
            jobs = [pool.submit(self._one, file) for file in files]
            for job in progress(as_completed(jobs), "fetch", len(jobs), unit="file"):
                file, outcome = job.result()
                done.append(file)
                outcomes[outcome] += 1
                in_a_row = in_a_row + 1 if outcome in (_Outcome.FAILED, _Outcome.SILENT) else 0
                if in_a_row == FAILURES:
                    raise _out_of_reach(f"{FAILURES} downloads failed one after another", file)
            answers = outcomes[_Outcome.ANSWERED] + outcomes[_Outcome.FAILED]
            if not answers and outcomes[_Outcome.SILENT] >= min(SILENT, len(files)):
                raise _out_of_reach("no download had any answer", next(file for file in done if file.problem))
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
        return done

    def _one(self, file: SourceFile) -> tuple[SourceFile, _Outcome]:
        """Return the file, with a problem if it could not be fetched, and what became of it."""
        url = file.url or ""
        if self._downloads.has(file.path, url):
            return file, _Outcome.KEPT
        try:
            self._downloads.add(file.path, url, self._download(url, file.path))
        except NotFoundError as error:
            return self._missing(file, str(error)), _Outcome.ANSWERED
        except DownloadError as error:
            outcome = _Outcome.ANSWERED
            if isinstance(error, TransientError):
                outcome = _Outcome.SILENT if isinstance(error, UnreachableError) else _Outcome.FAILED
            return file.refused(Refusal.NOT_FETCHED, f"{file.entry_id}: {error}"), outcome
        return file, _Outcome.ANSWERED

    def _missing(self, file: SourceFile, message: str) -> SourceFile:
        """Return a file that the server does not have, with what the list of obsolete entries says of it."""
        with self._lock:
            if self._obsolete is None:
                self._obsolete = self._ask_obsolete()
        successors = self._obsolete.get(file.entry_id)
        if successors is None:
            return file.refused(Refusal.NOT_FETCHED, f"{file.entry_id}: {message}")
        what = f"replaced by {' and '.join(successors)}" if successors else "withdrawn, and nothing replaces it"
        return file.refused(Refusal.OBSOLETE, f"{file.entry_id}: obsolete, {what}")

    def _ask_obsolete(self) -> dict[str, list[str]]:
        """Return the ids that replace each obsolete one, read from lines `OBSLTE 26-SEP-06 2H33 2JM5 2OWI`."""
        if self._obsolete_url is None:
            return {}
        path = self._folder / "obsolete.dat"
        try:
            self._download(self._obsolete_url, path)
        except DownloadError as error:
            logging.warning("the list of obsolete entries is not to be had, %s", error)
            return {}
        lines = (line.lower().split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
        return {
            fields[2]: [name for name in fields[3:] if PDB_ID.fullmatch(name)]
            for fields in lines
            if len(fields) > 2 and fields[0] == "obslte"
        }


def _file(name: str, folder: Path, mirror: str) -> SourceFile:
    """Return the entry of an id, with a problem if it is no PDB id."""
    if not PDB_ID.fullmatch(name):
        entry_id = f"{re.sub(r'[^a-z0-9]+', '-', name).strip('-')[:20]}-{text_sha256(name)[:8]}".lstrip("-")
        refused = SourceFile(entry_id, folder / f"{entry_id}.cif")
        return refused.refused(
            Refusal.NOT_FETCHED, f"{entry_id}: {name[:60]!r} is no PDB id, such as 1abc or pdb_00001abc"
        )
    url = mirror.replace("<id>", name).replace("<mid>", name[-3:-1])
    last = PurePosixPath(urlsplit(url).path).name
    if not FILE_NAME.fullmatch(last):
        last = "model.cif"
    return SourceFile(name.replace("_", "-"), folder / (last if name in last else f"{name}-{last}"), url=url)
