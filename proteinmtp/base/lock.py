"""A lock on a folder that ends with the process that holds it, however it ends."""

import fcntl
import os
import platform
from pathlib import Path
from typing import IO

from proteinmtp.base.errors import UserError

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: a lock changes no result."""


def hold(folder: Path) -> IO[str]:
    """Take the lock of a folder, and return the open file that holds it: closed, it is free again.

    Raises:
        UserError: naming who holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        holder = handle.read().strip() or "another process"
        handle.close()
        raise UserError(
            f"{folder} is in use by {holder}; wait until it ends, or set `results` to another folder"
        ) from None
    handle.truncate(0)
    handle.write(f"process {os.getpid()} on {platform.node()}, started in {Path.cwd()}\n")
    handle.flush()
    return handle
