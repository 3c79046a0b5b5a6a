"""Kills at random moments, and the same bytes in the end; `make chaos` does more of it."""

from pathlib import Path

import pytest

from ..support.chaos import chaos

pytestmark = pytest.mark.slow


def test_a_run_that_is_killed_in_many_ways_ends_as_one_that_was_not(root: Path, tmp_path: Path):
    assert len(chaos(root, tmp_path, kills=6, seed=3)) == 6
