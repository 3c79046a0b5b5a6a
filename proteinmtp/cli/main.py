"""The command `proteinmtp`: one module of this package for each of its commands, put together.

The stages of the workflow are not among them: `python -m pipeline RULE` runs one.
"""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from proteinmtp.base import logs
from proteinmtp.base.errors import one_line
from proteinmtp.cli.compare import compare
from proteinmtp.cli.config import config
from proteinmtp.cli.crate import crate
from proteinmtp.cli.export import export
from proteinmtp.cli.fold import fold
from proteinmtp.cli.init import init
from proteinmtp.cli.inspect import inspect
from proteinmtp.cli.plan import plan
from proteinmtp.cli.report import report
from proteinmtp.cli.run import WithSnakemakeArguments, run
from proteinmtp.cli.score import score
from proteinmtp.cli.verdicts import verdicts
from proteinmtp.cli.verify import verify


class Commands(TyperGroup):
    """The commands; what a person can mend ends in one line and a documented exit code."""

    def invoke(self, ctx: Any) -> Any:  # Any: typer keeps click's types to itself
        """Run a command."""
        try:
            with one_line(debug=ctx.params["debug"]):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("stopped; what was finished is kept", err=True)
            raise


app = typer.Typer(name="proteinmtp", cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)
PANELS = {
    "Commands": (init, run, plan, fold, score, compare, inspect, report, verdicts, export, config),
    "More": (verify, crate),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel, cls=WithSnakemakeArguments if command is run else None)(command)


def main() -> None:
    """Run the command line."""
    logs.setup()
    app()


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"proteinmtp {version('proteinmtp')}")
        raise typer.Exit


@app.callback()
def proteinmtp(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a mistake before its line.")] = False,
) -> None:
    """Protein structures from language models: train and test on structures of your own, fold, score, compare."""
