"""What a stage frees goes back to the system, so that its memory does not grow with the chains that pass through it."""

import ctypes

import pyarrow as pa

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: it changes no result."""

M_MMAP_THRESHOLD = -3
"""Of mallopt(3)."""
LARGE = 2**20
"""Bytes; larger blocks are the system's."""


def give_back() -> None:
    """Have blocks above `LARGE` mapped one by one, by the C library and by Arrow.

    The GNU library raises that bound up to 32 MB once such blocks were freed, and arrays of ever other sizes then leave
    gaps between them; Arrow's own allocators keep what they had. Other C libraries are left as they are.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)
