"""Functions compiled by numba, which keeps its machine code on disk beside their module."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiler(*, fastmath: bool | set[str], inline: bool = False) -> Callable[[F], F]:
    """Return a decorator that compiles a function when it is first called; its kept code is read in later processes.

    The kept code follows changes of its own module only: what it needs from another module it must get as an argument.

    Parameters:
        fastmath: freedom of the compiler with floating-point numbers, as numba takes it.
        inline: whether the function becomes a part of those that call it. Without it, the process that compiles calls
            one machine code and those that read the kept one another, whose sums may differ in the last bit.
    """
    decorator: Callable[[F], F] = numba.njit(cache=True, error_model="numpy", fastmath=fastmath, forceinline=inline)
    return decorator
