"""Downloads that survive bad networks: retried, checked to the last byte, and moved into place whole.

A request is tried again after a timeout, a broken connection, the answers 408, 425, 429 and 500-504, and a body that
is empty, shorter than announced, or no intact gzip where the file's name says gzip. Pauses grow, with some chance in
them, and a server's Retry-After holds back everybody who shares its rate.
"""

import gzip
import logging
import threading
import zlib
from contextlib import closing
from pathlib import Path

import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from proteinmtp.base.files import atomic, file_sha256
from proteinmtp.download.rate import RateLimit

MAX_BYTES = 1 << 30
"""Bytes; the largest entry of the PDB has about a tenth of this, packed."""

MAX_UNPACKED_BYTES = 16 * MAX_BYTES
CHUNK = 1 << 18
FIRST_BACKOFF = 1.0
"""Seconds before the first further try; the pause doubles with each."""

MAX_REDIRECTS = 5
TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
MISSING_STATUS = (404, 410)


class DownloadError(Exception):
    """A file that cannot be had, and trying again would not help."""


class NotFoundError(DownloadError):
    """There is no such file on the server."""


class TransientError(DownloadError):
    """A failure that may be over soon: of the network, of the server, or of the bytes received."""


class UnreachableError(TransientError):
    """The server could not be reached, or did not answer."""


class _RateLimitedAdapter(HTTPAdapter):
    """Waits for the rate before each request, so that redirects and retries count too."""

    def __init__(self, rate: RateLimit, connections: int):
        self._rate = rate
        super().__init__(pool_connections=connections, pool_maxsize=connections)

    def send(self, *args: object, **kwargs: object) -> requests.Response:
        self._rate.wait()
        return super().send(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they are


class Downloader:
    """Downloads files over HTTP and HTTPS; may be used by several threads.

    Parameters:
        rate: limit on requests.
        connections: connections that are kept open.
        timeout: seconds without an answer, or without a byte, after which a request has failed.
        retries: how often it is tried again.
        stopped: an event after which nothing is tried again.
    """

    def __init__(self, *, rate: RateLimit, connections: int, timeout: float, retries: int, stopped: threading.Event):
        self._rate = rate
        self._timeout = timeout
        self._session = requests.Session()
        self._session.max_redirects = MAX_REDIRECTS
        self._session.headers.update({"User-Agent": "proteinmtp", "Accept-Encoding": "identity"})
        # Only these schemes: a redirect to any other, such as file, finds no adapter and fails.
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _RateLimitedAdapter(rate, connections))
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(retries + 1),
                tenacity.stop_when_event_set(stopped),
            ),
            wait=tenacity.wait_exponential_jitter(multiplier=FIRST_BACKOFF, max=60, jitter=FIRST_BACKOFF),
            sleep=tenacity.sleep_using_event(stopped),
            reraise=True,
        )

    def fetch(self, url: str, path: Path) -> str:
        """Download `url` to `path` and return the sha256 of the file; nothing is left where it fails.

        Raises:
            NotFoundError: if the server has no such file.
            TransientError: if the last of the tries failed too.
            DownloadError: if the server refuses, or its answer is no file.
        """
        return self._retrying(self._once, url, path)

    def _once(self, url: str, path: Path) -> str:
        with atomic(path) as temporary:
            try:
                with closing(self._session.get(url, stream=True, timeout=self._timeout)) as response:
                    self._check_status(response, url)
                    _save(response, temporary, packed=path.suffix == ".gz")
            except (requests.Timeout, requests.ConnectionError) as error:
                raise UnreachableError(f"{url}: {_reason(error)}") from error
            except requests.RequestException as error:
                raise DownloadError(f"{url}: {_reason(error)}") from error
            except HTTPError as error:
                raise TransientError(f"{url}: {_reason(error)}") from error
            if path.suffix == ".gz":
                _check_gzip(temporary, url)
            else:
                _check_text(temporary, url)
            return file_sha256(temporary)

    def _check_status(self, response: requests.Response, url: str) -> None:
        status = f"{url}: the server answered {response.status_code} {response.reason}"
        if response.status_code in MISSING_STATUS:
            raise NotFoundError(f"not found at {url}")
        if response.status_code in TRANSIENT_STATUS:
            self._honour_retry_after(response.headers.get("Retry-After"))
            raise TransientError(status)
        if response.status_code != requests.codes.ok:
            raise DownloadError(status)

    def _honour_retry_after(self, retry_after: str | None) -> None:
        if retry_after is None:
            return
        try:
            self._rate.pause(Retry().parse_retry_after(retry_after))
        except InvalidHeader:
            logging.warning("the server's Retry-After makes no sense: %.80r", retry_after)


def _save(response: requests.Response, path: Path, packed: bool) -> None:
    """Write the body to `path`; urllib3 raises if it has fewer bytes than announced."""
    size = 0
    with path.open("wb") as handle:
        # What is packed stays so, even where a server says that the packing is one of transport only.
        for chunk in response.raw.stream(CHUNK, decode_content=not packed):
            size += len(chunk)
            if size > MAX_BYTES:
                raise DownloadError(f"{response.url}: larger than {MAX_BYTES >> 20} MiB")
            handle.write(chunk)


def _check_gzip(path: Path, url: str) -> None:
    """Read a packed file to its end, where its checksum is."""
    size = 0
    try:
        with gzip.open(path) as handle:
            while chunk := handle.read(CHUNK):
                size += len(chunk)
                if size > MAX_UNPACKED_BYTES:
                    raise DownloadError(f"{url}: larger than {MAX_UNPACKED_BYTES >> 20} MiB unpacked")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TransientError(f"{url}: no intact gzip file: {error}") from error
    if size == 0:
        raise TransientError(f"{url}: an empty answer")


def _check_text(path: Path, url: str) -> None:
    with path.open("rb") as handle:
        head = handle.read(CHUNK).lstrip()
    if not head:
        raise TransientError(f"{url}: an empty answer")
    if head.startswith(b"<"):
        raise TransientError(f"{url}: a web page, not a structure file")


def _reason(error: Exception) -> str:
    """Return what went wrong, without the layers of exceptions that libraries wrap it in."""
    inner = [item for item in (*error.args, getattr(error, "reason", None)) if isinstance(item, Exception)]
    return _reason(inner[0]) if inner else str(error)
