"""The command `proteinmtp` as people call it."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from proteinmtp.cli.main import app


def proteinmtp(*arguments: object) -> Result:
    """Run a command in this process; a mistake of a person gives an exit code and a line on stderr."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def installed(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with its output in pipes."""
    script = Path(sys.executable).parent / "proteinmtp"
    return subprocess.run(
        [script, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env={**os.environ, "COLUMNS": "80"}
    )
