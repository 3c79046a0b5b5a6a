"""The command `proteinmtp`."""

import os

# Commands may run beside each other, so none takes all cores for itself; numpy reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
