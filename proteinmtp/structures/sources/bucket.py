"""Structure files in a bucket: object storage that is spoken to as Amazon S3 is.

The bucket is listed before the first job, with a request for each thousand objects; what tells that one of them is
another than before is its ETag. A manifest job downloads what its shard needs and is not there yet, so a stopped run
goes on where it was. Credentials, and how often a request is tried again, are found as every program on boto3 finds
them: in the environment, in `~/.aws`, or on the machine itself.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proteinmtp.base.files import atomic, file_name, file_sha256, text_sha256
from proteinmtp.base.logs import progress
from proteinmtp.download.log import DownloadLog
from proteinmtp.structures.file_ids import SUFFIXES, distinct_ids, stem_of, suffix_of
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.source import SourceBase, SourceError, SourceFile

KEY = "source.bucket"
SCHEME = "s3://"
GONE = ("404", "NoSuchKey", "403", "AccessDenied", "InvalidObjectState")
"""Answers that concern one object: it is not there, or it is not to be read."""


class Source(SourceBase):
    """The structure files of a bucket, or of a folder in it.

    Parameters:
        results: the results folder; files are kept in `work/bucket` below it.
        url: `s3://BUCKET/FOLDER`; searched at any depth.
        endpoint: address of the storage, or None for Amazon's, or for what AWS_ENDPOINT_URL_S3 or `~/.aws` names.
        anonymous: ask without credentials, as open data can be asked.
        limit: take only so many files, those whose id has the smallest hash.
        connections: downloads at the same time.
    """

    def __init__(
        self,
        *,
        results: Path,
        url: str | None,
        endpoint: str | None = None,
        anonymous: bool = False,
        limit: int | None = None,
        connections: int = 8,
    ):
        self._folder = results / "work" / "bucket"
        self._url, self._endpoint, self._anonymous = url or "", endpoint, anonymous
        self._limit, self._connections = limit, connections

    def list_files(self) -> list[SourceFile]:
        """Return the structure files of the bucket; hidden ones are left alone, and nothing is downloaded.

        Raises:
            SourceError: if the bucket cannot be listed, or holds no structure file.
        """
        bucket, folder = _place(self._url.rstrip("/"))
        prefix = f"{folder}/" if folder else ""
        stems, versions = {}, {}
        client = self._client()
        with _named(f"{KEY}.url: {self._url} cannot be listed", "does it exist, and do the credentials suffice?"):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for item in (item for page in pages for item in page.get("Contents", ())):
                name = item["Key"].removeprefix(prefix)
                stem = stem_of(name.rpartition("/")[2])
                if stem is not None and not any(part.startswith(".") for part in name.split("/")):
                    stems[name], versions[name] = stem, item["ETag"].strip('"')
        if not stems:
            raise SourceError(f"{KEY}.url: no structure file in {self._url}; looked for {', '.join(SUFFIXES)}")
        files = [
            SourceFile(
                entry_id,
                self._folder / file_name(entry_id, suffix_of(name)),
                url=f"{SCHEME}{bucket}/{prefix}{name}",
                version=versions[name],
            )
            for name, entry_id in distinct_ids(stems).items()
        ]
        return sorted(files, key=lambda file: text_sha256(file.entry_id))[: self._limit]

    def fetch(self, files: Sequence[SourceFile]) -> list[SourceFile]:
        """Download the files that are not there yet, and return all, with a problem where that failed.

        Raises:
            SourceError: if the storage is out of reach or out of order.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        known, client = DownloadLog(self._folder), self._client()

        def fetched(file: SourceFile) -> SourceFile:
            stated = f"{file.url}#{file.version}"
            if file.problem is not None or known.has(file.path, stated):
                return file
            if reason := _download(client, file):
                return file.refused(Refusal.NOT_FETCHED, f"{file.entry_id}: {file.url}: {reason}")
            known.add(file.path, stated, file_sha256(file.path))
            return file

        pool = ThreadPoolExecutor(self._connections)
        try:
            done = list(progress(pool.map(fetched, files), "fetch", len(files), unit="file"))
        finally:
            pool.shutdown(cancel_futures=True)
        failed = [file.problem.message for file in done if file.problem and file.problem.code is Refusal.NOT_FETCHED]
        if failed:
            logging.warning("%d of %d entries were not fetched\n%s", len(failed), len(done), "\n".join(failed))
        return done

    def _client(self) -> Any:
        """Return what speaks to the storage, for several threads.

        Raises:
            SourceError: if boto3 is not installed.
        """
        try:
            import boto3
            from botocore import UNSIGNED
            from botocore.config import Config
        except ImportError:
            raise SourceError(
                "source.kind: bucket needs boto3, which is not installed; pip install -r requirements-cluster.lock"
            ) from None
        config = Config(
            max_pool_connections=self._connections,
            signature_version=UNSIGNED if self._anonymous else None,
        )
        return boto3.Session().client("s3", endpoint_url=self._endpoint, config=config)


def _place(url: str) -> tuple[str, str]:
    """Return bucket and key of an address; in a key any letter is a letter."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    return bucket, key


def _download(client: Any, file: SourceFile) -> str | None:
    """Download a file, whole or not at all; return why it is not to be had, if it is not."""
    from botocore.exceptions import ClientError

    bucket, key = _place(file.url or "")
    with _named(f"{KEY}.url: {file.url} cannot be fetched", "what was fetched is kept, start again to go on"):
        try:
            with atomic(file.path) as temporary:
                client.download_file(bucket, key, str(temporary))
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            return str(error)
    return None


@contextmanager
def _named(what: str, then: str) -> Iterator[None]:
    """Raise what boto3 raises as a SourceError: what failed, why, and what to do then."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise SourceError(f"{what} ({error}); {then}") from None
