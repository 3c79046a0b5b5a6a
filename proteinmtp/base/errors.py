"""What a person can mend, and how a program ends: one line and a documented exit code.

| code | meaning |
|---|---|
| 0 | done |
| 1 | a mistake in the configuration or in what was asked for |
| 2 | wrong usage of the command line |
| 65 | data that cannot be used, or files that are not what they should be |
| 74 | no room for what was to be written |
| 75 | stopped before the end; started again, the work goes on |

Everything that a person can mend is a `UserError`. Its text says what is wrong, where, and what to do. Whatever else is
raised is a mistake of the program, and ends in a traceback.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar


class UserError(Exception):
    """Something that the person who started the program can mend."""

    exit_code: ClassVar[int] = 1


class ConfigError(UserError):
    """A mistake in the configuration, in words for the person who wrote it."""


class PartError(UserError):
    """A head, loss, null or source that is not there, or is not what its contract asks for."""


class DataError(UserError):
    """Data that cannot be used, or a file that is not what it should be."""

    exit_code = 65


class SpaceError(UserError):
    """No room for what was to be written; with room, started again, the work goes on."""

    exit_code = 74


class ResumeError(UserError):
    """Work that stopped before its end with its state saved; started again, it goes on."""

    exit_code = 75


@contextmanager
def one_line(*, debug: bool = False) -> Iterator[None]:
    """End the program with one line and the documented code where a `UserError` is raised.

    Parameters:
        debug: show the traceback before the line.
    """
    try:
        yield
    except UserError as error:
        if debug:
            traceback.print_exc()
        logging.debug("ended by %s", type(error).__name__)
        with suppress(OSError):  # stderr may be a file on a full disk
            print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
