"""`proteinmtp report RESULTS --figures FOLDER`: the figures of a finished report as files for a paper."""

from pathlib import Path
from typing import Annotated

import typer

from proteinmtp.base.errors import UserError
from proteinmtp.report.figures.data import Format


def report(
    results: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A results folder with a finished report.")
    ] = Path("results"),
    *,
    figures: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for the figures; files of the same names are replaced.")
    ],
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="Kind of file; may be given several times. PDF and SVG if it is not given."),
    ] = None,
) -> None:
    """Write the figures of a finished report as files for a paper, with their captions."""
    from proteinmtp.cli.results import read_figure_data
    from proteinmtp.report.figures.listing import figures as figures_of  # matplotlib takes a second
    from proteinmtp.report.figures.rendering import write_captions, write_figure

    drawn = figures_of(read_figure_data(results))
    if not drawn:
        raise UserError(f"{results} has nothing to draw: no chain was scored, and nothing was trained")
    for figure in drawn:
        for suffix in dict.fromkeys(formats or (Format.PDF, Format.SVG)):
            typer.echo(write_figure(figure, figures, suffix))
    typer.echo(write_captions(drawn, figures))
