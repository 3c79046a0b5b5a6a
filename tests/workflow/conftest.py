import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.project import Project, copy_project
from ..support.stand_in import StandIns


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what rests on the finished project with one process, which makes it once."""
    for item in items:
        if "finished_project" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("finished"))


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Project:
    """A fresh copy in which nothing was run."""
    return copy_project(root, tmp_path / "project")


@pytest.fixture(scope="session")
def stand_ins(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    """Projects that are finished as far as Snakemake can tell; tests leave them as they are."""
    with StandIns(root, tmp_path_factory.mktemp("reruns") / "checkout") as made:
        yield made


@pytest.fixture(scope="session")
def finished_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy, under a path with spaces, in which the small workflow ran to its end; tests work on copies of it."""
    project = copy_project(root, tmp_path_factory.mktemp("finished") / "a folder of mine, ä" / "the project")
    done = project.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    return project


@pytest.fixture
def finished(finished_project: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, to change."""
    shutil.copytree(finished_project.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")
