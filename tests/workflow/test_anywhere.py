"""The workflow from another folder, from a checkout with odd letters in its path, and as a module of another one."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from ..support.project import SMALL, Project, copy_project

TINY = SMALL | {"runs": [{"name": "distance"}], "nulls": ["helix"]}


@pytest.fixture
def odd_checkout(root: Path, tmp_path: Path) -> Project:
    return copy_project(root, tmp_path / "a folder of mine, ä and more" / "the project")


def run(checkout: Project, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in `folder`, without the checkout on the Python path."""
    environment = checkout.environment()
    environment.pop("PYTHONPATH")
    command = checkout.command(*arguments)
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )


def assert_report(results: Path, output: str) -> None:
    assert (results / "report" / "index.html").is_file(), output[-4000:]
    assert set(json.loads((results / "report" / "summary.json").read_text())["runs"]) == {"distance", "null_helix"}


def test_from_a_users_own_folder_and_a_checkout_under_a_path_with_spaces(odd_checkout: Project, tmp_path: Path):
    mine = tmp_path / "mine"
    # A package of the user's that has the name of the stages is not taken for them.
    (mine / "pipeline").mkdir(parents=True)
    (mine / "pipeline" / "__init__.py").write_text("raise SystemExit('not this one')\n")
    (mine / "mine.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    snakefile = str(odd_checkout.folder / "Snakefile")
    done = run(odd_checkout, mine, "-s", snakefile)
    assert done.returncode == 0, done.stdout[-4000:]
    assert_report(mine / "results", done.stdout)
    assert not (odd_checkout.folder / "results" / "report").exists()
    again = run(odd_checkout, mine, "-s", snakefile, "-n")
    assert "Nothing to be done" in again.stdout
    moved = odd_checkout.folder.with_name("elsewhere")
    odd_checkout.folder.rename(moved)
    again = run(odd_checkout, mine, "-s", str(moved / "Snakefile"), "-n")
    assert "Nothing to be done" in again.stdout, "where the checkout lies is no reason to run again"


def test_from_the_checkout_itself_under_a_path_with_spaces(odd_checkout: Project):
    odd_checkout.configure(TINY, {"nulls": ["helix"]})
    done = run(odd_checkout, odd_checkout.folder)
    assert done.returncode == 0, done.stdout[-4000:]
    assert_report(odd_checkout.folder / "results", done.stdout)


def test_as_a_module_with_a_prefix_of_another_workflow(odd_checkout: Project, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.yaml").write_text(yaml.safe_dump({"proteinmtp": TINY, "own": 1}), encoding="utf-8")
    (other / "Snakefile").write_text(
        f"""
rule all:
    input:
        "done.txt",


module proteinmtp:
    snakefile:
        {str(odd_checkout.folder / "Snakefile")!r}
    config:
        config["proteinmtp"]
    prefix:
        "folded"


use rule * from proteinmtp as proteinmtp_*


rule mine:
    input:
        "folded/results/report/summary.json",
        rules.proteinmtp_all.input,
    output:
        "done.txt",
    shell:
        "python -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' {{input[0]}} > {{output}}"
""",
        encoding="utf-8",
    )
    done = run(odd_checkout, other)
    assert done.returncode == 0, done.stdout[-4000:]
    assert_report(other / "folded" / "results", done.stdout)
    assert int((other / "done.txt").read_text()) > 0
    assert not (other / "results").exists(), "everything lies below the prefix"
