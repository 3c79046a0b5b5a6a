"""Parts that are found by name: one module in a package is one part.

A head is a module in `pipeline/model/heads`; its name is the value of `head.kind`. Nothing imports these modules
by name, so adding one changes no other file, and the code fingerprint of a run covers only the part it uses.
"""

import difflib
import importlib
import importlib.util
import pkgutil
from types import ModuleType


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
    """Return `name` if `package` has such a part.

    Raises:
        ValueError: naming the parts that there are.
    """
    known = names(package)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ValueError(f"{hint}allowed: {', '.join(known)}")
    return name


def load(package: str, name: str) -> ModuleType:
    """Import the part `name` of `package`."""
    return importlib.import_module(f"{package}.{installed(package, name)}")
