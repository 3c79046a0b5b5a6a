"""Parts that are found by name: one module in a package is one part.

A head is a module in `pipeline/model/heads`; its name is the value of `head.kind`. Nothing imports these modules
by name, so adding one changes no other file, and the code fingerprint of a run covers only the part it uses.

A name with a dot is a module from elsewhere, such as `my_lab.heads.toy`, looked for in the working directory and
where Python looks: a part of one's own needs no change in this package.
"""

import ast
import difflib
import importlib
import importlib.util
import pkgutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any


def names(package: str) -> list[str]:
    """Return the names of the parts in `package`, without importing any of them."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ValueError(f"{package} is not a package")
    return sorted(
        module.name
        for module in pkgutil.iter_modules(spec.submodule_search_locations)
        if not module.name.startswith("_")
    )


def installed(package: str, name: str) -> str:
    """Return `name` if `package` has such a part, or if it is a module from elsewhere.

    Raises:
        ValueError: naming the parts that there are.
    """
    if "." in name:
        source(package, name)
        return name
    known = names(package)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ValueError(f"{hint}allowed: {', '.join(known)}, or a module of yours with a dot in its name")
    return name


def module_name(package: str, name: str) -> str:
    """Return the dotted name of the module of a part."""
    return name if "." in name else f"{package}.{name}"


def load(package: str, name: str) -> ModuleType:
    """Import the part `name` of `package`."""
    return importlib.import_module(module_name(package, installed(package, name)))


def source(package: str, name: str) -> Path:
    """Return the file of a part, without importing it.

    Raises:
        ValueError: if there is none.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    module = module_name(package, name)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise ValueError(f"there is no module {module}; looked in {here} and where Python looks")
    return Path(spec.origin)


def constant(package: str, name: str, variable: str, default: Any = ...) -> Any:
    """Return what a part assigns to a module-level variable as a literal, without importing it.

    So the configuration can be checked without loading torch.

    Raises:
        ValueError: if the module does not say it and there is no default.
    """
    found = _literals(source(package, name))
    if variable not in found and default is not ...:
        return default
    if variable not in found:
        raise ValueError(f"{module_name(package, name)} must say {variable} = ... as a literal")
    return found[variable]


@cache
def _literals(path: Path) -> dict[str, Any]:
    found = {}
    for node in ast.parse(path.read_bytes(), filename=str(path)).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found
