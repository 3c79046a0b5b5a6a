"""What runs elsewhere: the workflows of GitHub Actions call what there is here, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ALLOWED = (r"make ([\w-]+)", r"docker run --rm proteinmtp (\w+)", r"sudo apt-get .*")


def workflows(root: Path) -> list[Path]:
    return sorted((root / ".github" / "workflows").glob("*.yml"))


def steps(root: Path) -> list[dict[str, Any]]:
    jobs = [job for path in workflows(root) for job in yaml.safe_load(path.read_text())["jobs"].values()]
    return [step for job in jobs for step in job["steps"]]


def test_the_workflows_are_what_github_takes(root: Path):
    program = Path(sys.executable).with_name("check-jsonschema")
    if not program.exists():
        pytest.skip("check-jsonschema is not installed")
    command = [program, "--builtin-schema", "vendor.github-workflows", *workflows(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_workflows_call_targets_of_the_makefile(root: Path):
    targets = re.findall(r"^([\w-]+):", (root / "Makefile").read_text(), flags=re.MULTILINE)
    commands = [step["run"] for step in steps(root) if "run" in step]
    assert len(commands) >= 5
    for command in commands:
        assert any(re.fullmatch(pattern, command) for pattern in ALLOWED), command
        if made := re.fullmatch(ALLOWED[0], command):
            assert made[1] in targets


def test_every_job_has_the_python_of_the_project(root: Path):
    pythons = {step["with"]["python-version"] for step in steps(root) if "setup-python" in step.get("uses", "")}
    assert pythons == {"3.11"}
