"""The fingerprint of the code behind a stage.

Snakemake does not see into imported Python, so each rule carries a hash of its stage as a param: over the syntax trees
of all first-party modules that the stage imports, directly or not, by absolute or by relative imports. Comments,
docstrings, formatting and the sentences in `Annotated` types do not count.

A module, or a package for all of its modules, may say how it counts:

- `FINGERPRINT = "never"`: not at all, because what a stage gets of it are params, or because it changes no result;
- `FINGERPRINT = "by name"`: only the constants that are imported by name, as long as these are literals.
"""

import ast
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from proteinmtp.base.files import file_sha256, text_sha256

LIBRARY = __name__.partition(".")[0]
STAGES = "pipeline"
TEMPLATES = (".j2", ".css", ".js")
NEVER, BY_NAME = "never", "by name"


@dataclass(frozen=True)
class Import:
    """What an import statement names: a module, and a name in it (which may be a module itself) or None for all."""

    module: str
    name: str | None = None

    @property
    def whole(self) -> str:
        """The dotted name that is imported, module and name together."""
        return self.module if self.name is None else f"{self.module}.{self.name}"


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
        digests = [f"{name} {_module_digest(self._file(name))}" for name in sorted(self.closure(*modules))]
        constants = [f"{name} {value}" for name, value in sorted(self.constants(*modules).items())]
        return text_sha256(*digests, *constants)[:16]

    def closure(self, *modules: str) -> set[str]:
        """Return the names of `modules` and of the first-party modules that they import, directly or not."""
        reached: set[str] = set()
        todo = list(modules)
        while todo:
            name = todo.pop()
            if name not in reached and self.counts(name) != NEVER:
                reached.add(name)
                todo.extend(self._imports(name))
        return reached

    def constants(self, *modules: str) -> dict[str, str]:
        """Return the constants that count by name for `modules` and what they import, each with its value as syntax."""
        named = ((other, names) for module in self.closure(*modules) for other, names in self._by_name(module).items())
        return {name: _literals(self._file(other))[name] for other, names in named for name in names}

    def _imports(self, module: str) -> set[str]:
        """Return the first-party modules that the source of `module` imports, parents included."""
        first_party = {LIBRARY, STAGES, module.partition(".")[0]}
        names = {name for item in self._statements(module) for name in (item.module, item.whole)}
        names = {name for name in names if name.partition(".")[0] in first_party}
        names |= set(_parents([*names, module]))
        return {name for name in names if self._source(name) is not None} - self._by_name(module).keys()

    def _by_name(self, module: str) -> dict[str, set[str]]:
        """Return the modules of which `module` takes nothing but literals by name, where these count so."""
        statements = self._statements(module)
        wanted: dict[str, set[str]] = {}
        for item in statements:
            if item.name is not None and self.counts(item.module) == BY_NAME:
                wanted.setdefault(item.module, set()).add(item.name)
        as_a_whole = {item.whole for item in statements}
        return {
            other: names
            for other, names in wanted.items()
            if other not in as_a_whole and names <= _literals(self._file(other)).keys()
        }

    def _statements(self, module: str) -> tuple[Import, ...]:
        path = self._file(module)
        return imports(path, module if path.name == "__init__.py" else module.rpartition(".")[0])

    def counts(self, module: str) -> str | None:
        """Return how a module of the library says that it counts, or the nearest package above it that says so."""
        if module.partition(".")[0] != LIBRARY:
            return None
        markers = (_marker(path) for name in (module, *_parents([module])) if (path := self._source(name)) is not None)
        return next((marker for marker in markers if marker is not None), None)

    def _file(self, module: str) -> Path:
        path = self._source(module)
        if path is None:
            raise ValueError(f"no module named {module}")
        return path

    def _source(self, module: str) -> Path | None:
        """Return the file of a module, without importing it (of one from elsewhere, the packages above it are)."""
        parent, _, last = module.rpartition(".")
        if module.partition(".")[0] in (LIBRARY, STAGES):
            base = self._root.joinpath(*module.split("."))
            return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)
        if parent and not _is_package(parent):
            return None
        spec = importlib.util.find_spec(module) if last else None
        return Path(spec.origin) if spec is not None and spec.origin is not None else None


@cache
def imports(path: Path, package: str) -> tuple[Import, ...]:
    """Return what a module imports, relative names made absolute.

    Parameters:
        path: source of the module.
        package: dotted name of the package that relative imports start from.
    """
    statements: list[Import] = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            statements.extend(Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            statements.extend(Import(base, alias.name) for alias in node.names)
    return tuple(statements)


def _parents(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        while "." in name:
            name = name.rpartition(".")[0]
            yield name


def _is_package(name: str) -> bool:
    """Return whether a name from elsewhere is a package, which is imported to be looked into."""
    parent = name.rpartition(".")[0]
    if parent and not _is_package(parent):
        return False
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.submodule_search_locations is not None


@cache
def _tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module without docstrings and without the sentences of `Annotated` types."""
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [item for item in node.body if not (isinstance(item, ast.Expr) and _is_text(item.value))]
        elif isinstance(node, ast.Subscript) and _is_annotated(node) and isinstance(node.slice, ast.Tuple):
            node.slice.elts = [item for item in node.slice.elts if not _is_text(item)]
    return tree


def _is_annotated(node: ast.Subscript) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "Annotated"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@cache
def _literals(path: Path) -> Mapping[str, str]:
    """Return the syntax of each value that a module assigns to a variable as a literal."""
    values: dict[str, str] = {}
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            try:
                ast.literal_eval(node.value)
            except ValueError:
                continue
            names = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)]
            parts = node.value.elts if isinstance(node.value, ast.Tuple) and len(names) > 1 else [node.value]
            values |= {name: ast.dump(value) for name, value in zip(names, parts, strict=True)}
    return values


def _marker(path: Path) -> str | None:
    value = _literals(path).get("FINGERPRINT")
    return next((kind for kind in (NEVER, BY_NAME) if value == ast.dump(ast.Constant(kind))), None)


@cache
def _module_digest(path: Path) -> str:
    """Return a hash of a module's code and of the templates that lie in its folder."""
    templates = sorted(item for item in path.parent.iterdir() if item.suffix in TEMPLATES and item.is_file())
    return text_sha256(ast.dump(_tree(path)), *(f"{item.name} {file_sha256(item)}" for item in templates))
