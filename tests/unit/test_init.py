"""`proteinmtp init`: a config that is valid as it is and with what it offers in comments, and nothing overwritten."""

from pathlib import Path

import pytest
import yaml

from proteinmtp.cli.init import CONFIG
from proteinmtp.predictors.catalogue import parse_config

from ..support.command import proteinmtp
from ..support.project import write_demo_files


def test_a_folder_to_start_from_holds_a_valid_config_a_readme_and_a_place_for_structures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "mine"
    done = proteinmtp("init", folder)
    assert done.exit_code == 0, done.output
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "README.md", "structures"}
    monkeypatch.chdir(folder)
    assert "fine, runs: slots" in proteinmtp("config", "--check", "config.yaml").output
    assert "`structures`" in Path("README.md").read_text(encoding="utf-8")


def test_structures_may_lie_elsewhere_under_any_name(tmp_path: Path):
    elsewhere = tmp_path / "my: structures, #1 'ä'"
    write_demo_files(elsewhere, 2, 4)
    done = proteinmtp("init", tmp_path, "--structures", elsewhere)
    assert done.exit_code == 0, done.output
    source = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))["source"]
    assert source["directory"]["path"] == str(elsewhere)
    assert not (tmp_path / "structures").exists()


@pytest.mark.parametrize("name", ["config.yaml", "README.md"])
def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_written_beside_it(tmp_path: Path, name: str):
    (tmp_path / name).write_text("mine")
    done = proteinmtp("init", tmp_path)
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1 and name in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    done = proteinmtp("init", tmp_path / "file" / "mine")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1 and str(tmp_path / "file") in done.stderr


@pytest.mark.parametrize("kind", ["path", "hub"])
def test_what_stands_in_comments_is_valid_in_place_of_what_stands_above(kind: str):
    lines = CONFIG.format(structures="structures").splitlines()
    start = lines.index("  backbone:")
    del lines[start : start + 2]
    wanted = False
    for number, line in enumerate(lines):
        block = line.strip() in ("# backbone:", "# - name: continued")
        if block:
            wanted = f"kind: {kind}" in lines[number + 1] or "continued" in line
        wanted &= block or line.lstrip().startswith("#   ")
        if wanted:
            lines[number] = line.replace("# ", "", 1)
    config = parse_config(yaml.safe_load("\n".join(lines)))
    assert config.defaults.backbone.kind == kind
    assert [entry.name for entry in config.runs] == ["slots", "continued"]
