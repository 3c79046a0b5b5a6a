"""A small archive of structures on a local HTTP server that fails as it is asked to."""

import gzip
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from .server import LocalServer

OBSOLETE = """\
 LIST OF OBSOLETE COORDINATE ENTRIES AND SUCCESSORS
OBSLTE    26-SEP-06 2H33     2JM5 2OWI
OBSLTE    21-NOV-03 1HG6
"""


def text_of(name: str) -> bytes:
    """Return the text of an entry, long enough to need several packets."""
    return f"data_{name}\n".encode() + b"".join(b"# %d %x\n" % (i, i * 2654435761 % 2**32) for i in range(20_000))


def entry(name: str) -> bytes:
    return gzip.compress(text_of(name), mtime=0)


class Archive(LocalServer):
    """Serves `/<id>.cif.gz`, `/<id>.cif` and `/obsolete.dat`; ids that begin with 9 are not there.

    Attributes:
        faults: for each path, functions called with the handler, one for each request, before it is served well.
        asked: requests for each path.
        starts: times at which requests arrived.
    """

    def __init__(self) -> None:
        self.faults: dict[str, list[Callable[[BaseHTTPRequestHandler], None]]] = {}
        self.asked: Counter[str] = Counter()
        self.starts: list[float] = []
        self._lock = threading.Lock()
        super().__init__()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.starts.append(time.monotonic())
            self.asked[handler.path] += 1
            faults = self.faults.get(handler.path, [])
            fault = faults.pop(0) if faults else None
        if fault is not None:
            fault(handler)
            return
        name = handler.path.strip("/").split(".")[0]
        if handler.path == "/obsolete.dat":
            answer(handler, 200, OBSOLETE.encode())
        elif name[0] == "9" or name in ("2h33", "1hg6"):
            answer(handler, 404, b"no such file")
        else:
            answer(handler, 200, entry(name) if handler.path.endswith(".gz") else text_of(name))


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", headers.get("Content_Length", str(len(body))))
    handler.end_headers()
    handler.wfile.write(body)


def says(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: answer(handler, status, b"", **headers)


def sends(body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: answer(handler, 200, body)


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Answer nothing for longer than the tests' time-out."""
    time.sleep(2)
    handler.close_connection = True


def send_half(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Announce a whole body and send half of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def stalled(handler: BaseHTTPRequestHandler) -> None:
    """Send half of a body and then nothing for a long time."""
    send_half(handler, entry("2abc"))
    time.sleep(5)
    handler.close_connection = True


def truncated(handler: BaseHTTPRequestHandler) -> None:
    """Announce the whole body and break off in the middle."""
    send_half(handler, entry("1abc"))
    handler.close_connection = True


def cut_chunks(handler: BaseHTTPRequestHandler) -> None:
    """Send a body in chunks whose last one never comes."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"10\r\n0123456789abcdef\r\n")
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection with a reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.rfile.close()
    handler.connection.close()
