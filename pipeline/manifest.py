"""Content hashes: of files, of directories, and of the code behind a stage.

Snakemake does not see into imported Python, so each rule carries the fingerprint of its stage as a param: a
hash over the syntax trees of all first-party modules that the stage imports, directly or not. Comments,
docstrings and formatting do not count.
"""

import ast
import hashlib
import importlib.util
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent
PACKAGE = ROOT.name
TEMPLATES = (".j2", ".css")
UNCOUNTED = frozenset(
    f"{PACKAGE}.{name}"
    for name in ("config", "config_backbone", "config_data", "config_network", "config_runs", "logs")
)
"""Modules that are in no fingerprint: settings reach a stage as params, which Snakemake compares by itself."""


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def readable_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, or "" for what cannot be read: a link to nowhere, a pipe, a device."""
    try:
        return file_sha256(path) if path.is_file() else ""
    except OSError:
        return ""


def cached_hashes(paths: Iterable[Path], cache: Path) -> dict[Path, str]:
    """Return the sha256 of each file, "" for those that cannot be read.

    Hashes are kept in the JSON file `cache`, keyed by path, size and time of change, so that a second look reads none
    of the files but those that could not be read. The cache holds what was asked for last.
    """
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.exists() else {}
    seen = {}
    hashes = {}
    for path in paths:
        key = str(path.absolute())
        stamp = _stamp(key)
        before = known.get(key, [None, ""])
        hashes[path] = before[1] if before[1] and before[0] == stamp else readable_sha256(path)
        seen[key] = [stamp, hashes[path]]
    if seen != known:
        write_json(cache, seen)
    return hashes


def _stamp(path: str) -> list[int]:
    """Return the size and the time of change of a file, nothing for one that cannot be reached."""
    try:
        stat = os.stat(path)  # noqa: PTH116  a Path takes twice as long
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def text_sha256(*parts: str) -> str:
    """Return the sha256 of several strings, in hexadecimal; where one ends and the next begins matters."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def directory_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below `folder`, by its path relative to `folder`, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, sync it and move it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON with sorted keys, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def code_fingerprint(*modules: str) -> str:
    """Return a hash of the code of `modules` and of every module of this package that they import.

    Parameters:
        modules: dotted names such as `pipeline.training.train`; of a module from elsewhere, its own package counts.
    """
    digests = {name: _module_digest(name) for name in sorted(_closure(modules))}
    return text_sha256(*(f"{name} {digest}" for name, digest in digests.items()))[:16]


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name not in found | UNCOUNTED:
            found.add(name)
            todo.extend(_imports(name))
    return found


@cache
def _imports(module: str) -> frozenset[str]:
    """Return the modules of this package that the source of `module` imports, parents included."""
    names: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    counted = {PACKAGE, module.partition(".")[0]}
    own = {name for name in names if name.partition(".")[0] in counted}
    own |= {name.rpartition(".")[0] for name in own if "." in name}
    return frozenset(name for name in own if _source(name) is not None)


@cache
def _source(module: str) -> Path | None:
    """Return the file of a module, without importing it (of modules from elsewhere, the package above is)."""
    if module.partition(".")[0] != PACKAGE:
        try:
            spec = importlib.util.find_spec(module)
        except ImportError:
            return None
        return Path(spec.origin) if spec is not None and spec.origin is not None else None
    base = ROOT.joinpath(*module.split(".")[1:])
    candidates = (base / "__init__.py", base.with_suffix(".py")) if base != ROOT else (base / "__init__.py",)
    return next((path for path in candidates if path.is_file()), None)


def _tree(module: str) -> ast.Module:
    path = _source(module)
    if path is None:
        raise ValueError(f"no module named {module}")
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_text(item)]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _module_digest(module: str) -> str:
    """Return a hash of a module's code and of the templates that lie in its folder."""
    folder = (_source(module) or Path()).parent
    data = sorted(path for path in folder.iterdir() if path.suffix in TEMPLATES and path.is_file())
    return text_sha256(ast.dump(_tree(module)), *(f"{path.name} {file_sha256(path)}" for path in data))
