"""Functions compiled by numba, which keeps its machine code on disk beside their module."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core import event

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


class Announcement(event.Listener):  # type: ignore[misc]  # numba states no types
    """Says once in a process that functions are being compiled, which takes long and happens in silence."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: event.Event) -> None:
        """Numba compiles a function that it has not kept."""
        if not self._said:
            self._said = True
            logging.info("functions are compiled for the first use on this machine: half a minute, once")

    def on_end(self, event: event.Event) -> None:
        """Numba has compiled it."""


event.register("numba:compile", Announcement())
