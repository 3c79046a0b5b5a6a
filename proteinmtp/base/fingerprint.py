"""The fingerprint of the code behind a stage.

Snakemake does not see into imported Python, so each rule carries a hash of its stage as a param: over the syntax trees
of all first-party modules that the stage imports, directly or not, by absolute or by relative imports. Comments,
docstrings and formatting do not count.
"""

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from proteinmtp.base.files import file_sha256, text_sha256

LIBRARY = __name__.partition(".")[0]
STAGES = "pipeline"
TEMPLATES = (".j2", ".css")

SETTINGS = f"{LIBRARY}.config"
"""Not in any fingerprint: its models hold data and compute nothing (a test says so), and what a stage gets of them are
params, which Snakemake compares by itself."""

CONSTANTS = f"{LIBRARY}.geometry.constants"
"""Counts by name: of this module, a stage is behind the constants that its modules import, not behind all of them."""

LOGS = f"{LIBRARY}.base.logs"
"""Not in any fingerprint: what is said on the way changes no result."""


class Fingerprints:
    """Fingerprints of the code in a checkout.

    Parameters:
        root: folder that holds the packages `pipeline` and `proteinmtp`.
    """

    def __init__(self, root: Path):
        self._root = root

    def of(self, *modules: str) -> str:
        """Return a hash of the code of `modules` and of every first-party module that they import.

        Parameters:
            modules: dotted names such as `pipeline.train`; of a module from elsewhere, its own package counts too.

        Raises:
            ValueError: if there is no such module.
        """
        reached = sorted(self.closure(*modules))
        digests = [f"{name} {_module_digest(self._file(name))}" for name in reached]
        constants = {constant for name in reached for constant in self._constants(name)}
        return text_sha256(*digests, *sorted(constants))[:16]

    def closure(self, *modules: str) -> set[str]:
        """Return the names of `modules` and of the first-party modules that they import, directly or not."""
        reached: set[str] = set()
        todo = list(modules)
        while todo:
            name = todo.pop()
            if name in reached or name in (LOGS, SETTINGS) or name.startswith(f"{SETTINGS}."):
                continue
            reached.add(name)
            todo.extend(self._imports(name))
        return reached

    def _imports(self, module: str) -> set[str]:
        """Return the first-party modules that the source of `module` imports, parents included."""
        first_party = {LIBRARY, STAGES, module.partition(".")[0]}
        names = {name for name in self._names(module) if name.partition(".")[0] in first_party}
        names |= set(_parents([*names, module]))
        if self._constants(module):
            names.discard(CONSTANTS)
        return {name for name in names if _source(self._root, name) is not None}

    def _constants(self, module: str) -> list[str]:
        """Return the assignments of the constants that a module imports by name."""
        wanted = {name.rpartition(".")[2] for name in self._names(module) if name.startswith(f"{CONSTANTS}.")}
        return [text for name, text in _assigned(self._file(CONSTANTS)).items() if name in wanted] if wanted else []

    def _names(self, module: str) -> tuple[str, ...]:
        path = self._file(module)
        return _imported_names(path, module if path.name == "__init__.py" else module.rpartition(".")[0])

    def _file(self, module: str) -> Path:
        path = _source(self._root, module)
        if path is None:
            raise ValueError(f"no module named {module}")
        return path


def imported_names(path: Path, package: str) -> list[str]:
    """Return the dotted names that a module imports, relative ones made absolute; some may be names in a module.

    Parameters:
        path: source of the module.
        package: dotted name of the package that relative imports start from.
    """
    names: list[str] = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.append(base)
            names.extend(f"{base}.{alias.name}" for alias in node.names)
    return names


@cache
def _imported_names(path: Path, package: str) -> tuple[str, ...]:
    return tuple(imported_names(path, package))


def _parents(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        while "." in name:
            name = name.rpartition(".")[0]
            yield name


@cache
def _source(root: Path, module: str) -> Path | None:
    """Return the file of a module, without importing it (of modules from elsewhere, the package above is)."""
    if module.partition(".")[0] not in (LIBRARY, STAGES):
        try:
            spec = importlib.util.find_spec(module)
        except ImportError:
            return None
        return Path(spec.origin) if spec is not None and spec.origin is not None else None
    base = root.joinpath(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module without docstrings."""
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [item for item in node.body if not _is_text(item)]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _assigned(path: Path) -> dict[str, str]:
    """Return the syntax of the assignment of each variable of a module."""
    nodes = [node for node in _tree(path).body if isinstance(node, ast.Assign)]
    return {
        name.id: ast.dump(node) for node in nodes for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)
    }


@cache
def _module_digest(path: Path) -> str:
    """Return a hash of a module's code and of the templates that lie in its folder."""
    templates = sorted(item for item in path.parent.iterdir() if item.suffix in TEMPLATES and item.is_file())
    return text_sha256(ast.dump(_tree(path)), *(f"{item.name} {file_sha256(item)}" for item in templates))
