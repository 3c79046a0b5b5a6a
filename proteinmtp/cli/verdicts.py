"""`proteinmtp verdicts RESULTS`: the runs of a finished workflow and what became of their hypotheses."""

from pathlib import Path
from typing import Annotated

import typer

from proteinmtp.cli.results import read_summary
from proteinmtp.report.verdicts import markdown


def verdicts(
    results: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A results folder with a finished report.")
    ],
) -> None:
    """Print the runs and what became of their hypotheses as a Markdown table."""
    typer.echo(markdown(read_summary(results)))
