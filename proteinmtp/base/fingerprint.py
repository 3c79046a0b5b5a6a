"""The fingerprint of the code behind a stage.

Snakemake does not see into imported Python, so each rule carries a hash of its stage as a param: over the syntax of all
first-party modules that the stage imports, directly or not, by absolute or by relative imports. What counts of a
module's source, `base/syntax.py` says.

A module, or a package for all of its modules, may say how it counts:

- `FINGERPRINT = "never"`: not at all, because what a stage gets of it are params, or because it changes no result;
- `FINGERPRINT = "by name"`: only the constants that are imported by name, as long as these are literals.
"""

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from proteinmtp.base.files import file_sha256, text_sha256
from proteinmtp.base.syntax import Code, Import, read_code

LIBRARY = __name__.partition(".")[0]
STAGES = "pipeline"
TEMPLATES = (".j2", ".css", ".js")
NEVER, BY_NAME = "never", "by name"


class Fingerprints:
    """Fingerprints of the code in a checkout, each file as it is when it is first looked at.

    Parameters:
        root: folder that holds the packages `pipeline` and `proteinmtp`.
    """

    def __init__(self, root: Path):
        self._root = root
        self._sources: dict[str, Path | None] = {}
        self._codes: dict[str, Code] = {}
        self._counts: dict[str, str | None] = {}
        self._below: dict[str, frozenset[str]] = {}
        self._digests: dict[str, str] = {}
        self._fingerprints: dict[tuple[str, ...], str] = {}

    def of(self, *modules: str) -> str:
        """Return a hash of the code of `modules` and of every first-party module that they import.

        Parameters:
            modules: dotted names such as `pipeline.train`; of a module from elsewhere, its own package counts too.

        Raises:
            ValueError: if there is no such module.
        """
        if modules not in self._fingerprints:  # many jobs ask for the same
            digests = [f"{name} {self._digest(name)}" for name in sorted(self.closure(*modules))]
            constants = [f"{name} {value}" for name, value in sorted(self.constants(*modules).items())]
            self._fingerprints[modules] = text_sha256(*digests, *constants)[:16]
        return self._fingerprints[modules]

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
        return {name: self._code(other).literals[name] for other, names in named for name in names}

    def counts(self, module: str) -> str | None:
        """Return how a module of the library says that it counts, or the nearest package above it that says so."""
        if module.partition(".")[0] != LIBRARY:
            return None
        if module not in self._counts:
            own = _marker(self._code(module)) if self._source(module) is not None else None
            above = module.rpartition(".")[0]
            self._counts[module] = own or (self.counts(above) if above else None)
        return self._counts[module]

    def _imports(self, module: str) -> frozenset[str]:
        """Return the first-party modules that the source of `module` imports, parents included."""
        if module not in self._below:
            first_party = {LIBRARY, STAGES, module.partition(".")[0]}
            names = {name for item in self._statements(module) for name in (item.module, item.whole)}
            names = {name for name in names if name.partition(".")[0] in first_party}
            names |= set(_parents([*names, module]))
            names = {name for name in names if self._source(name) is not None}
            self._below[module] = frozenset(names - self._by_name(module).keys())
        return self._below[module]

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
            if other not in as_a_whole and names <= self._code(other).literals.keys()
        }

    def _statements(self, module: str) -> list[Import]:
        package = module if self._file(module).name == "__init__.py" else module.rpartition(".")[0]
        return [item.within(package) for item in self._code(module).imports]

    def _code(self, module: str) -> Code:
        if module not in self._codes:
            self._codes[module] = read_code(self._file(module))
        return self._codes[module]

    def _digest(self, module: str) -> str:
        """Return a hash of a module's code and of the templates that lie in its folder."""
        if module not in self._digests:
            files = self._file(module).parent.iterdir()
            templates = sorted(item for item in files if item.suffix in TEMPLATES and item.is_file())
            texts = (f"{item.name} {file_sha256(item)}" for item in templates)
            self._digests[module] = text_sha256(self._code(module).syntax, *texts)
        return self._digests[module]

    def _file(self, module: str) -> Path:
        path = self._source(module)
        if path is None:
            raise ValueError(f"no module named {module}")
        return path

    def _source(self, module: str) -> Path | None:
        if module not in self._sources:
            self._sources[module] = self._find(module)
        return self._sources[module]

    def _find(self, module: str) -> Path | None:
        """Return the file of a module, without importing it (of one from elsewhere, the packages above it are)."""
        parent, _, last = module.rpartition(".")
        if module.partition(".")[0] in (LIBRARY, STAGES):
            base = self._root.joinpath(*module.split("."))
            return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)
        if parent and not _is_package(parent):
            return None
        spec = importlib.util.find_spec(module) if last else None
        return Path(spec.origin) if spec is not None and spec.origin is not None else None


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


def _marker(code: Code) -> str | None:
    value = code.literals.get("FINGERPRINT")
    return next((kind for kind in (NEVER, BY_NAME) if value == ast.dump(ast.Constant(kind))), None)
