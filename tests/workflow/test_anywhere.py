"""The workflow from another folder, from a checkout with odd letters in its path, and as a module of another one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ..support.command import installed
from ..support.project import NULLS, SMALL, TINY, Project, copy_project


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


def runs_of_report(results: Path) -> set[str]:
    assert (results / "report" / "index.html").is_file()
    return set(json.loads((results / "report" / "summary.json").read_text())["runs"])


@pytest.mark.slow
def test_from_a_users_own_folder_and_a_checkout_under_a_path_with_spaces(odd_checkout: Project, tmp_path: Path):
    mine = tmp_path / "mine"
    # A package of the user's that has the name of the stages is not taken for them.
    (mine / "pipeline").mkdir(parents=True)
    (mine / "pipeline" / "__init__.py").write_text("raise SystemExit('not this one')\n")
    (mine / "mine.yaml").write_text(yaml.safe_dump(SMALL | TINY), encoding="utf-8")
    snakefile = str(odd_checkout.folder / "Snakefile")
    done = run(odd_checkout, mine, "-s", snakefile)
    assert done.returncode == 0, done.stdout[-4000:]
    assert runs_of_report(mine / "results") == {"distance", "null_helix"}
    assert not (odd_checkout.folder / "results" / "report").exists()
    again = run(odd_checkout, mine, "-s", snakefile, "-n")
    assert "Nothing to be done" in again.stdout
    moved = odd_checkout.folder.with_name("elsewhere")
    odd_checkout.folder.rename(moved)
    again = run(odd_checkout, mine, "-s", str(moved / "Snakefile"), "-n")
    assert "Nothing to be done" in again.stdout, "where the checkout lies is no reason to run again"


def test_from_the_checkout_itself_under_a_path_with_spaces(finished_project: Project):
    assert " " in str(finished_project.folder)
    assert runs_of_report(finished_project.folder / "results") == {"distance", "system", *NULLS}


def test_run_shows_a_line_for_each_stage_then_nothing_to_do_then_a_mistake(finished_project: Project, tmp_path: Path):
    mine = tmp_path / "mine"
    for name in ("results", ".snakemake"):
        shutil.copytree(finished_project.folder / name, mine / name, symlinks=True)
    shutil.copy(finished_project.folder / "mine.yaml", mine)
    (mine / "results" / "report" / "index.html").unlink()

    def run(*arguments: str) -> tuple[int, str, list[str]]:
        done = installed("run", *arguments, "-j", 2, "--workflow", finished_project.folder, cwd=mine)
        return done.returncode, done.stdout, done.stderr.splitlines()

    code, output, (first, second, *ending) = run("mine.yaml")
    assert (code, output) == (0, ""), ending
    assert [line.split()[:3] for line in (first, second)] == [["report", "1", "job"], ["provenance", "1", "job"]]
    assert ending[0].startswith("done: 2 jobs") and ending[1:] == ["report: results/report/index.html"]
    assert run("mine.yaml") == (0, "", ["nothing to do: everything is there and up to date"])
    (mine / "mistake.yaml").write_text("split: {method: clusters}\n", encoding="utf-8")
    code, output, lines = run("mine.yaml", "mistake.yaml")
    assert (code, output) == (1, "")
    assert lines[0].startswith("error: the configuration ") and lines[1].startswith("split.method: ")
    assert len(lines) == 2


@pytest.mark.slow
def test_as_a_module_with_a_prefix_of_another_workflow(odd_checkout: Project, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.yaml").write_text(yaml.safe_dump({"proteinmtp": SMALL | TINY, "own": 1}), encoding="utf-8")
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
    assert runs_of_report(other / "folded" / "results") == {"distance", "null_helix"}
    assert int((other / "done.txt").read_text()) > 0
    assert not (other / "results").exists(), "everything lies below the prefix"
