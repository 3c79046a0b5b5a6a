"""Compiled code gives the same bits in the process that compiles it as in those that read it from disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCORES = """
import hashlib
import numpy as np
from proteinmtp.scoring.chain import score_chain
rng = np.random.default_rng(0)
digest = hashlib.sha256()
for length in range(30, 230, 2):
    native = rng.normal(size=(length, 3)).cumsum(0) * 2.2
    metrics = score_chain(native + rng.normal(scale=3, size=native.shape), native)
    digest.update(repr(metrics.scores).encode())
    for values in metrics.profiles.values():
        digest.update(values.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_the_process_that_compiles_scores_as_those_that_read_the_kept_code(tmp_path: Path, root: Path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SCORES]
    first, second = (
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    assert any(tmp_path.rglob("*.nbi"))
    assert first == second
