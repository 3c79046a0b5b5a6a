"""Fixtures that several tests share: real structures where they are at hand, and a small data set."""

import os
from pathlib import Path

import pytest

from .support.small import SmallData

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real structures; see tests/README.md."""
    base = Path(os.environ.get("PROTEINMTP_SHARED", ROOT.parent / "shared"))
    folder = next((path for path in (base / "data", base) if (path / "chains_index.csv").is_file()), None)
    if folder is None:
        pytest.skip(f"no real structures in {base}; PROTEINMTP_SHARED may name the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallData:
    return SmallData(tmp_path_factory.mktemp("small"))
