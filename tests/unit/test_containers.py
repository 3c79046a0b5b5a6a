"""The recipes of containers: in step with each other, with the locks, and with what the workflow needs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml


def copied_by_docker(root: Path) -> set[str]:
    lines = re.findall(r"^COPY (.+)$", (root / "containers" / "Dockerfile").read_text(), flags=re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def copied_by_apptainer(root: Path) -> set[str]:
    recipe = (root / "containers" / "proteinmtp.def").read_text()
    section = recipe.partition("%files\n")[2].partition("\n\n")[0]
    return {line.split()[0] for line in section.splitlines()}


def recipes(root: Path) -> list[str]:
    return [(root / "containers" / name).read_text() for name in ("Dockerfile", "proteinmtp.def")]


def test_both_recipes_hold_the_same(root: Path):
    assert copied_by_docker(root) == copied_by_apptainer(root)
    bases = [re.search(r"^From:? (\S+)$", text, flags=re.MULTILINE | re.IGNORECASE) for text in recipes(root)]
    assert bases[0] is not None and bases[1] is not None and bases[0][1] == bases[1][1]
    installs = [re.findall(r"pip install .*?(?= \\$|$)", text, flags=re.MULTILINE) for text in recipes(root)]
    assert installs[0] == installs[1]


def test_packages_come_from_the_locks_alone_and_python_is_that_of_the_project(root: Path):
    for text in recipes(root):
        first, own = re.findall(r"pip install --no-cache-dir (.*?)(?= \\$|$)", text, flags=re.MULTILINE)
        locks = first.split()[1::2]
        assert first == " ".join(f"-r {lock}" for lock in locks)
        assert set(locks) == {path.name for path in root.glob("requirements*.lock")} - {"requirements-dev.lock"}
        assert own == "--no-deps --no-build-isolation -e ."
        minor = re.search(r"python:(\d+\.\d+)\.\d+-slim", text)
        assert minor is not None
        project = tomllib.loads((root / "pyproject.toml").read_text())
        assert project["tool"]["mypy"]["python_version"] == minor[1]
        conda = yaml.safe_load((root / "envs" / "proteinmtp.yaml").read_text())
        assert f"python={minor[1]}" in conda["dependencies"]


def test_what_the_recipes_copy_runs_the_workflow(root: Path, tmp_path: Path):
    """As in a container: a dry-run from another folder reads the rules, and the stages for their hash."""
    house, work = tmp_path / "house", tmp_path / "work"
    for folder in (house, work):
        folder.mkdir()
    for name in copied_by_docker(root):
        if (root / name).is_dir():
            shutil.copytree(root / name, house / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, house)
    code = "from proteinmtp.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "run", house / "config.yaml", "--dry-run"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report" in done.stdout + done.stderr


def test_the_dockerfile_passes_hadolint(root: Path):
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([program, "--no-color", root / "containers" / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
