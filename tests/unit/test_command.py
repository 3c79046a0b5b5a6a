"""What all commands of `proteinmtp` have in common."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer.main

from proteinmtp.cli.main import app

from ..support.command import installed, proteinmtp

COMMANDS = (
    "init",
    "run",
    "plan",
    "fold",
    "score",
    "compare",
    "inspect",
    "report",
    "verdicts",
    "export",
    "config",
    "verify",
    "crate",
)


def test_the_commands_are_those_for_people(root: Path):
    group = typer.main.get_command(app)
    assert tuple(group.commands) == COMMANDS
    modules = {path.stem for path in (root / "proteinmtp" / "cli").glob("*.py")}
    assert set(COMMANDS) <= modules


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_argument_and_option_is_explained(name: str):
    command = typer.main.get_command(app).commands[name]
    assert command.help
    assert [one.name for one in command.params if not one.help] == []


def test_what_takes_seconds_is_imported_by_the_commands_that_need_it():
    program = "import sys, proteinmtp.cli.main; print({'torch', 'transformers', 'peft', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_the_version_is_that_of_the_package():
    assert installed("--version").stdout == f"proteinmtp {version('proteinmtp')}\n"


def test_completion_of_the_shell_can_be_shown():
    assert "--show-completion" in installed("--help").stdout


def test_a_mistake_is_one_line_and_with_debug_a_traceback_before_it(tmp_path: Path):
    short, long = (installed(*debug, "verdicts", tmp_path) for debug in ((), ("--debug",)))
    assert short.returncode == long.returncode == 1
    assert short.stderr.count("\n") == 1
    assert long.stderr.startswith("Traceback") and long.stderr.endswith(short.stderr)


def test_a_mistake_of_the_program_is_no_line_but_a_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def broken(path: Path) -> None:
        raise ValueError("a mistake of the program")

    monkeypatch.setattr("proteinmtp.cli.verdicts.read_summary", broken)
    with pytest.raises(ValueError, match="of the program"):
        proteinmtp("verdicts", tmp_path)
