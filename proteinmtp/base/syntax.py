"""What counts of a module's source: its syntax, what it imports, the literals that it assigns.

Comments, docstrings, formatting and the sentences in `Annotated` types do not count. A source is known by its content:
what was made of one is kept while the program runs, and one that was edited is another.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """What an import statement names: a module, and a name in it (which may be a module itself) or None for all.

    Attributes:
        level: for a relative import, the number of dots before the module.
    """

    module: str
    name: str | None = None
    level: int = 0

    @property
    def whole(self) -> str:
        """The dotted name that is imported, module and name together."""
        return self.module if self.name is None else f"{self.module}.{self.name}"

    def within(self, package: str) -> "Import":
        """Return the same import with an absolute name, for a module of `package`."""
        if not self.level:
            return self
        above = package.split(".")[: len(package.split(".")) - self.level + 1]
        return Import(".".join([*above, *([self.module] if self.module else [])]), self.name)


@dataclass(frozen=True)
class Code:
    """What counts of a source.

    Attributes:
        syntax: the syntax tree as text.
        imports: as they stand there.
        literals: the syntax of each value that is assigned to a variable as a literal.
    """

    syntax: str
    imports: tuple[Import, ...]
    literals: Mapping[str, str]


def read_code(path: Path) -> Code:
    """Return what counts of a source file.

    Raises:
        SyntaxError: naming the file.
    """
    return _code(path.read_bytes(), str(path))


def imports(path: Path, package: str) -> tuple[Import, ...]:
    """Return what a module imports, relative names made absolute.

    Parameters:
        path: source of the module.
        package: dotted name of the package that relative imports start from.
    """
    return tuple(item.within(package) for item in read_code(path).imports)


@cache
def _code(content: bytes, name: str) -> Code:
    tree = _without_sentences(ast.parse(content, filename=name))
    return Code(ast.dump(tree), tuple(_imports(tree)), _literals(tree))


def _without_sentences(tree: ast.Module) -> ast.Module:
    """Return a syntax tree without docstrings and without the sentences of `Annotated` types."""
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


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (Import(node.module or "", alias.name, node.level) for alias in node.names)


def _literals(tree: ast.Module) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            try:
                ast.literal_eval(node.value)
            except ValueError:
                continue
            names = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)]
            parts = node.value.elts if isinstance(node.value, ast.Tuple) and len(names) > 1 else [node.value]
            values |= {name: ast.dump(value) for name, value in zip(names, parts, strict=True)}
    return values
