"""`proteinmtp verify RESULTS`: are the files of a results folder as they were written?"""

from pathlib import Path
from typing import Annotated

import typer

from proteinmtp.base.errors import DataError
from proteinmtp.cli.results import check_files


def verify(
    results: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A results folder.")] = Path("results"),
) -> None:
    """Check that tables, records and saved models are as they were written; name each that is not."""
    checked = list(check_files(results))
    count = len({file.path for file in checked})
    problems = [file.problem for file in checked if file.problem is not None]
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise DataError(f"{len(problems)} of {count} files are not as they were written")
    bare = len({file.path for file in checked} - {file.path for file in checked if file.has_checksum})
    typer.echo(f"{count - bare} files are as they were written" + (f"; {bare} have no checksum" if bare else ""))
