"""A stand-in for the Hugging Face hub on this machine: models are put on it, pushed to it and fetched from it.

It answers what `huggingface_hub` asks to create a repository, commit files, list a revision and fetch a file.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest
from huggingface_hub import constants

from .server import LocalServer

REVISION = "0123456789" * 4


class Hub(LocalServer):
    """The models on it: by name, the bytes of each file; all have the one revision `REVISION`."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        super().__init__()

    def put(self, name: str, folder: Path) -> None:
        files = (path for path in folder.rglob("*") if path.is_file())
        self.models[name] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(handler.path).path)
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            self.models.setdefault(name, {})
            _json(handler, {"url": f"{self.url}/{name}", "id": name, "name": name})
        elif path == "/api/validate-yaml":
            _json(handler, {"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/[^/]+", path):
            asked = json.loads(body)["files"]
            _json(
                handler,
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]},
            )
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/[^/]+", path):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.models[found[1]][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            url = f"{self.url}/{found[1]}/commit/{REVISION}"
            _json(handler, {"success": True, "commitOid": REVISION, "commitUrl": url, "hookOutput": ""})
        elif (found := re.fullmatch(r"/api/models/([^/]+/[^/]+?)(/revision/[^/]+)?", path)) and found[1] in self.models:
            names = [{"rfilename": name} for name in self.models[found[1]]]
            _json(handler, {"id": found[1], "sha": REVISION, "siblings": names, "tags": [], "private": False})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+", path):
            files = self.models[found[1]].items()
            _json(
                handler, [{"type": "file", "path": name, "size": len(data), "oid": _etag(data)} for name, data in files]
            )
        elif (found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path)) and found[2] in self.models[found[1]]:
            data = self.models[found[1]][found[2]]
            _reply(handler, data, {"ETag": f'"{_etag(data)}"', "X-Repo-Commit": REVISION})
        else:
            _reply(handler, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": f"no {path}"}, 404)


@contextmanager
def hub_at_hand(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    """Let `huggingface_hub` ask a stand-in, and keep what it fetches in `cache`."""
    hub = Hub()
    with monkeypatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.url)
        patch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.hf_api.api, "endpoint", hub.url)
        patch.setenv("HF_TOKEN", "hf_stand_in")
        yield hub
    hub.close()


def _etag(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _json(handler: BaseHTTPRequestHandler, value: Any) -> None:
    _reply(handler, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _reply(handler: BaseHTTPRequestHandler, data: bytes, headers: Mapping[str, str], status: int = 200) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(data))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(data)
