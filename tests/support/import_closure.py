"""What a module imports, directly or not, as Python's own `modulefinder` finds it in compiled code."""

from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path


@cache
def import_closure(root: Path, *modules: str, without: tuple[str, ...] = ()) -> frozenset[str]:
    """Return modules and what they import of a checkout, at any depth and in any function, with all packages above.

    Parameters:
        root: of the checkout; what lies elsewhere is not looked for.
        modules: dotted names.
        without: modules that are left out, with what they import.
    """
    finder = ModuleFinder(path=[str(root)], excludes=list(without))
    for module in modules:
        finder.import_hook(module, fromlist=["*"])
    return frozenset(finder.modules)


def modules_of(root: Path) -> list[str]:
    """Return the names of all modules of the library and of the stages."""
    paths = (path for package in ("pipeline", "proteinmtp") for path in (root / package).rglob("*.py"))
    parts = (path.relative_to(root).with_suffix("").parts for path in paths)
    return sorted(".".join(names[:-1] if names[-1] == "__init__" else names) for names in parts)
