"""Fixtures that several tests share: real structures where they are at hand, a small data set, object storage."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .support.small import SmallData

if TYPE_CHECKING:
    from .support.storage import Bucket

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that one process runs, so that none is left to one process at the end."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


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


@pytest.fixture(scope="session")
def storage_server() -> Iterator[str]:
    from .support.storage import serving

    with serving() as url:
        yield url


@pytest.fixture
def bucket(storage_server: str, monkeypatch: pytest.MonkeyPatch) -> "Bucket":
    """A new bucket, which the environment of the test leads to."""
    from .support.storage import Bucket

    made = Bucket(storage_server)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
