"""`python -m proteinmtp.base.gpus COUNT COMMAND ...` runs a command with GPUs that no other job of this user has.

Snakemake counts GPUs and does not say which are free: without this, two jobs at a time would both take the first. The
locks of the GPUs are inherited by the command, so they end with it, however it ends; a process that it started and that
outlives it, which takes a kill, has none. SLURM may number the GPUs of each of its jobs from 0, so each of those has
locks of its own.
"""

import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from proteinmtp.base import lifeline, logs
from proteinmtp.base.errors import UserError, one_line
from proteinmtp.base.files import safe_id
from proteinmtp.base.lock import acquire

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: which GPU a job gets changes no result."""

WAIT_SECONDS = 2.0
NONE = ("-1", "NoDevFiles")
"""Names in CUDA_VISIBLE_DEVICES that are no GPU."""
DEVICES = ("nvidia[0-9]*", "kfd", "dxg")
"""What the drivers of NVIDIA, of AMD, and of Windows' Linux make in /dev."""


def main() -> None:
    """Take as many GPUs as asked for, and become the command."""
    lifeline.hold_on()
    logs.setup()
    count, command = int(sys.argv[1]), sys.argv[2:]
    with one_line():
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(lease(count, visible_gpus()))
    os.execvp(command[0], command)


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process may use; without a driver, torch is not asked."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:  # what follows a name that is none does not count
        return list(takewhile(lambda name: name and name not in NONE, map(str.strip, given.split(","))))
    if not any(Path("/dev").glob(device) for device in DEVICES):
        return []
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def check(count: int, gpus: Sequence[str]) -> None:
    """Check that so many GPUs are there.

    Raises:
        UserError: if there are fewer.
    """
    if count > len(gpus):
        raise UserError(
            f"train.gpus or backbone.pretrain.gpus asks for {count} GPUs, and {len(gpus)} can be used here; set it to 0"
            " for the CPU"
        )


def lease(count: int, gpus: Sequence[str]) -> list[str]:
    """Return the names of some GPUs, locked as long as this process lives; wait until there are enough.

    Parameters:
        count: GPUs that are needed.
        gpus: those that may be used.

    Raises:
        UserError: if there are fewer.
    """
    check(count, gpus)
    job = safe_id(os.environ.get("SLURM_JOB_ID", ""))
    folder = Path(tempfile.gettempdir()) / f"proteinmtp-gpus-{os.getuid()}-{job}"
    folder.mkdir(mode=0o700, exist_ok=True)
    waiting = False
    while True:
        held: dict[str, int] = {}
        for name in gpus:
            descriptor = acquire(folder / safe_id(name), wait=False)
            if descriptor is None:
                continue
            held[name] = descriptor
            if len(held) == count:
                for taken in held.values():
                    os.set_inheritable(taken, True)
                return list(held)
        for taken in held.values():
            os.close(taken)
        if not waiting:
            waiting = True
            logging.info("waiting for %d of the GPUs %s, which other jobs have", count, ", ".join(gpus))
        time.sleep(WAIT_SECONDS)


if __name__ == "__main__":
    main()
