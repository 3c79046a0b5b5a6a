"""Parts that are found by name: one module in a package is one part.

A head is a module in the package of heads; its name is the value of `head.kind`. Nothing imports these modules by name,
so adding one changes no other file, and the code fingerprint of a run covers only the part it uses.

A name with a dot is a module from elsewhere, such as `my_lab.heads.toy`, looked for in the working directory and
where Python looks: a part of one's own needs no change in this package. What a part must be, its contract says, an
abstract class; `load` checks it. What a part says of itself as literals is read without importing it, so that a
configuration is checked without loading torch; see `Declared`.
"""

import ast
import difflib
import importlib
import importlib.util
import inspect
import math
import pkgutil
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
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
        PartError: naming the parts that there are, or where a module from elsewhere was looked for, or why its package
            cannot be read.
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
    except SyntaxError as error:
        raise _unreadable(module, error) from None
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
    module = module_name(package, name)
    try:
        return importlib.import_module(module)
    except SyntaxError as error:
        raise _unreadable(module, error) from None


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
    # What it inherits from may ask for more than the contract, as the base of heads that predict pairs does.
    missing = sorted(getattr(part, "__abstractmethods__", ()))
    if missing:
        asks = next(base for base in part.__mro__ if missing[0] in vars(base))
        raise PartError(f"{module.__name__} has no `{label}.{missing[0]}`; see {asks.__module__}.{asks.__qualname__}")
    return part


def options_of(part: type[Any], available: Mapping[str, Any], own: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the options that a part takes: the keyword-only parameters of its constructor.

    Where the constructor has a `**` parameter too, those of the constructor that it inherits count as well.

    Parameters:
        part: class of the part.
        available: settings of the config; those that the part does not name are not for it.
        own: settings for this part alone; each must be one that it names.
        key: of `own` in the config, for what is said about it.

    Raises:
        PartError: if the part does not take one of `own`, or one that it takes is neither given nor has a default.
    """
    keywords = _keywords(part)
    for name in own:
        if name not in keywords:
            raise PartError(f"{key}: {_takes_no(part.__module__, name, keywords)}")
    given = {name: value for name, value in {**available, **own}.items() if name in keywords}
    missing = [name for name, one in keywords.items() if name not in given and one.default is inspect.Parameter.empty]
    if missing:
        raise PartError(f"{key}: {_needs(part.__module__, missing)}")
    return given


@dataclass(frozen=True)
class Declared:
    """The class of a part as it stands in its module, which is read, not imported.

    Attributes:
        module: name of the module.
        node: syntax of the class.
    """

    module: str
    node: ast.ClassDef

    def text(self, variable: str) -> str:
        """Return a class variable that is a text; raises as `names` does."""
        value = self._literal(variable)
        if not isinstance(value, str):
            raise self._wrong(variable, "a text", value)
        return value

    def names(self, variable: str) -> tuple[str, ...]:
        """Return a class variable that is a tuple of names.

        Raises:
            PartError: naming module and variable, if it is not there, no literal, or something else.
        """
        value = self._literal(variable)
        if not isinstance(value, tuple | list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(variable, "a tuple of names", value)
        return tuple(value)

    def weights(self, variable: str) -> Mapping[str, float]:
        """Return a class variable that has positive numbers by name; raises as `names` does."""
        value = self._literal(variable)
        if not isinstance(value, dict) or not all(isinstance(k, str) and _positive(v) for k, v in value.items()):
            raise self._wrong(variable, "a dict of names and positive numbers", value)
        return value

    def number(self, variable: str) -> float | None:
        """Return a class variable that is a positive number or None, None where it is not there; raises as `names`."""
        value = self._literal(variable) if variable in self._values() else None
        if value is not None and not _positive(value):
            raise self._wrong(variable, "a positive number or None", value)
        return value

    def option_mistakes(self, own: Collection[str], available: Collection[str]) -> Iterator[str]:
        """Yield a sentence for each mistake in the options of a part that its constructor tells; see `options_of`.

        A part that inherits its constructor, or passes options on with `**`, may say more when it is made.

        Parameters:
            own: names of settings for this part alone.
            available: names of settings that it may take beside them.
        """
        made = self._constructor()
        if made is None:
            return
        taken = [argument.arg for argument in made.kwonlyargs]
        if made.kwarg is None:
            yield from (_takes_no(self.module, name, taken) for name in own if name not in taken)
        needed = [name for name, default in zip(taken, made.kw_defaults, strict=True) if default is None]
        missing = [name for name in needed if name not in own and name not in available]
        if missing:
            yield _needs(self.module, missing)

    def options(self) -> frozenset[str] | None:
        """Return the names of the options that its constructor takes, or None if it inherits or passes on some."""
        made = self._constructor()
        if made is None or made.kwarg is not None:
            return None
        return frozenset(argument.arg for argument in made.kwonlyargs)

    def _constructor(self) -> ast.arguments | None:
        methods = {item.name: item.args for item in self.node.body if isinstance(item, ast.FunctionDef)}
        return methods.get("__init__")

    def _values(self) -> Mapping[str, ast.expr]:
        values: dict[str, ast.expr] = {}
        for item in self.node.body:
            if isinstance(item, ast.Assign | ast.AnnAssign) and item.value is not None:
                targets = item.targets if isinstance(item, ast.Assign) else [item.target]
                values |= {target.id: item.value for target in targets if isinstance(target, ast.Name)}
        return values

    def _literal(self, variable: str) -> Any:
        try:
            return ast.literal_eval(self._values()[variable])
        except (KeyError, ValueError, TypeError):
            raise PartError(f"{self.module} must say {self.node.name}.{variable} = ... as a literal") from None

    def _wrong(self, variable: str, expected: str, value: object) -> PartError:
        return PartError(f"{self.module}: {self.node.name}.{variable} must be {expected}; it is {value!r}")


def declared(package: str, name: str, label: str) -> Declared:
    """Return the class `label` of a part as its module declares it, without importing it.

    Raises:
        PartError: if there is no such part, its module cannot be read, or there is no such class in it.
    """
    path, module = source(package, name), module_name(package, name)
    try:
        part = _class(path, label)
    except (SyntaxError, ValueError) as error:
        raise _unreadable(module, error) from None
    if part is None:
        raise PartError(f"{module} has no class `{label}`")
    return Declared(module, part)


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
def _class(path: Path, label: str) -> ast.ClassDef | None:
    body = ast.parse(path.read_bytes(), filename=str(path)).body
    return next((node for node in body if isinstance(node, ast.ClassDef) and node.name == label), None)


def _keywords(part: type[Any]) -> Mapping[str, inspect.Parameter]:
    """Return the keyword-only parameters of a constructor and, while it has `**`, of the next that is inherited."""
    keywords: dict[str, inspect.Parameter] = {}
    for base in part.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            for one in parameters:
                if one.kind is inspect.Parameter.KEYWORD_ONLY:
                    keywords.setdefault(one.name, one)
            if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters):
                break
    return keywords


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _takes_no(module: str, name: str, taken: Collection[str]) -> str:
    return f"{module} takes no {name}; it takes {', '.join(taken) or 'no options'}"


def _needs(module: str, missing: Collection[str]) -> str:
    return f"{module} needs {', '.join(missing)}"


def _unreadable(module: str, error: Exception) -> PartError:
    return PartError(f"{module} cannot be read: {error}")
