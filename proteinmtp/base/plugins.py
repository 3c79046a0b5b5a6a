"""Parts that are found by name: one module in a package is one part.

A head is a module in the package of heads; its name is the value of `head.kind`. Nothing imports these modules by name,
so adding one changes no other file, and the code fingerprint of a run covers only the part it uses.

A name with a dot is a module from elsewhere, such as `my_lab.heads.toy`, looked for in the working directory and
where Python looks: a part of one's own needs no change in this package. What a part must be, its contract says, an
abstract class; `load` checks it.
"""

import ast
import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from proteinmtp.base.errors import PartError

T = TypeVar("T")


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


def suggestion(name: str, known: list[str]) -> str:
    """Return a question that names the one of `known` that is most like `name`, or nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'? " if close else ""


def module_name(package: str, name: str) -> str:
    """Return the dotted name of the module of a part."""
    return name if "." in name else f"{package}.{name}"


def source(package: str, name: str) -> Path:
    """Return the file of a part, without importing it.

    Raises:
        PartError: naming the parts that there are, or where a module from elsewhere was looked for.
    """
    known = names(package)
    if "." not in name and name not in known:
        raise PartError(
            f"{suggestion(name, known)}allowed: {', '.join(known)}, or a module of yours with a dot in its name"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    module = module_name(package, name)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise PartError(f"there is no module {module}; looked in {here} and where Python looks")
    return Path(spec.origin)


def load(package: str, name: str, label: str, contract: type[T]) -> type[T]:
    """Import a part and check that it is what its contract asks for.

    Parameters:
        package: of the built-in parts.
        name: of the part; with a dot, a module from elsewhere.
        label: name of the class in the module, such as `Head`.
        contract: an abstract class that the part must inherit from: its abstract methods, and the class variables that
            it declares without a value, are what the part must have.

    Raises:
        PartError: naming the module, the class and what is missing.
    """
    return checked(load_module(package, name), label, contract)


def load_module(package: str, name: str) -> ModuleType:
    """Import the module of a part; raises as `source` does."""
    source(package, name)
    return importlib.import_module(module_name(package, name))


def checked(module: ModuleType, label: str, contract: type[T]) -> type[T]:
    """Return the class `label` of a module if it is what `contract` asks for; see `load`."""
    part = vars(module).get(label)
    where = f"see {contract.__module__}.{contract.__qualname__}"
    if not isinstance(part, type):
        raise PartError(f"{module.__name__} has no class `{label}`; {where}")
    for member in sorted(_required(contract)):
        value = inspect.getattr_static(part, member, None)
        if value is None or getattr(value, "__isabstractmethod__", False):
            raise PartError(f"{module.__name__} has no `{label}.{member}`; {where}")
    if not issubclass(part, contract):
        raise PartError(f"{module.__name__}: `{label}` does not inherit from its contract; {where}")
    return part


def options_of(part: type[Any], available: Mapping[str, Any], own: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the options that a part takes: the keyword-only parameters of its constructor.

    Parameters:
        part: class of the part.
        available: settings of the config; those that the part does not name are not for it.
        own: settings for this part alone; each must be one that it names.
        key: of `own` in the config, for what is said about it.

    Raises:
        PartError: if the part does not take one of `own`, or one that it takes is neither given nor has a default.
    """
    parameters = inspect.signature(part.__init__).parameters.values()
    keywords = {one.name: one for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
    for name in own:
        if name not in keywords:
            raise PartError(f"{key}: {part.__module__} takes no {name}; it takes {', '.join(keywords) or 'no options'}")
    given = {name: value for name, value in {**available, **own}.items() if name in keywords}
    missing = [name for name, one in keywords.items() if name not in given and one.default is inspect.Parameter.empty]
    if missing:
        raise PartError(f"{key}: {part.__module__} needs {', '.join(missing)}")
    return given


def constants(package: str, name: str, label: str) -> Mapping[str, Any]:
    """Return what the class `label` of a part assigns to class variables as literals, without importing it.

    So the configuration can be checked without loading torch.

    Raises:
        PartError: if there is no such part, or no such class in its module.
    """
    path = source(package, name)
    known = _literals(path, label)
    if known is None:
        raise PartError(f"{module_name(package, name)} has no class `{label}`")
    return known


def stated(known: Mapping[str, Any], module: str, variable: str) -> Any:
    """Return what a part says as a literal.

    Parameters:
        known: its literals; see `constants`.
        module: its name.
        variable: class and class variable, such as `Head.GIVES`.

    Raises:
        PartError: naming what it does not say.
    """
    name = variable.rpartition(".")[2]
    if name not in known:
        raise PartError(f"{module} must say {variable} = ... as a literal")
    return known[name]


def _required(contract: type[Any]) -> set[str]:
    declared: set[str] = set(getattr(contract, "__abstractmethods__", ()))
    for base in contract.__mro__:
        if base.__module__ == contract.__module__:
            declared |= {
                name
                for name, kind in vars(base).get("__annotations__", {}).items()
                if name not in vars(base) and "ClassVar" in str(kind)
            }
    return declared


@cache
def _literals(path: Path, label: str) -> Mapping[str, Any] | None:
    for node in ast.parse(path.read_bytes(), filename=str(path)).body:
        if isinstance(node, ast.ClassDef) and node.name == label:
            return dict(_assignments(node))
    return None


def _assignments(node: ast.ClassDef) -> list[tuple[str, Any]]:
    found = []
    for item in node.body:
        target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
        value = item.value if isinstance(item, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None:
            try:
                found.append((target.id, ast.literal_eval(value)))
            except ValueError:
                continue
    return found
