"""`proteinmtp run`: the workflow from any folder, with a line for each stage in place of all that Snakemake says."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

import proteinmtp
from proteinmtp.base.errors import UserError
from proteinmtp.base.yaml_file import read_yaml

LOGGER = "stages"
"""The logger plugin of Snakemake in a checkout that writes the lines."""

PLUGIN = f"snakemake_logger_plugin_{LOGGER}"
"""Its package."""

CHECKOUT = ("Snakefile", "pipeline", PLUGIN)
"""What a checkout of the project is known by."""


class WithSnakemakeArguments(TyperCommand):
    """A command whose words after `--` are kept for Snakemake."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: typer keeps click's types to itself
        """Read the words before `--`, and keep those after it in `ctx.obj`."""
        at = args.index("--") if "--" in args else len(args)
        ctx.obj = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the pieces of the usage line."""
        return [*super().collect_usage_pieces(ctx), "[-- SNAKEMAKE ARGUMENTS]"]


def run(
    ctx: typer.Context,
    config: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Config files, later ones on top; by default config.yaml."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Cores that are used at the same time; by default all.")
    ] = None,
    workflow: Annotated[
        Path | None,
        typer.Option(exists=True, help="The checkout with the Snakefile, where it is not found by itself."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say which stages would run.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show all that Snakemake says.")] = False,
) -> None:
    """Run the workflow here, from structure files to the report; what is done already is not done again.

    A relative path in a config counts from this folder. What stands behind -- goes to Snakemake as it is: a target
    such as nulls, or options such as --forcerun split.
    """
    checkout = find_checkout(workflow)
    if not config and not Path("config.yaml").is_file():
        raise UserError(
            "there is no config.yaml in this folder: name a config file, or begin with proteinmtp init FOLDER;"
            f" the demo is run by proteinmtp run {checkout / 'config.yaml'}"
        )
    for path in config or []:
        read_yaml(path)  # of one that cannot be read, Snakemake says neither the name nor the line
    command = [
        *(sys.executable, "-P", "-m", "snakemake" if verbose else PLUGIN),
        # Targets come first: some of Snakemake's options take all the words that follow.
        *ctx.obj,
        *("--snakefile", str(checkout / "Snakefile"), *cores(jobs, ctx.obj)),
        *(["--dry-run"] if dry_run else []),
        *([] if verbose else ["--logger", LOGGER]),
        *(["--configfile", *map(str, config)] if config else []),
    ]
    sys.stdout.flush()
    # In place of this process, so that signals reach Snakemake and its exit code is that of the command.
    os.execve(sys.executable, command, environment(checkout))


def cores(jobs: int | None, arguments: Sequence[str]) -> list[str]:
    """Return what Snakemake is told of the cores of this machine, which bound its jobs on others too.

    Parameters:
        jobs: asked for; None: all, or no bound where jobs are sent elsewhere.
        arguments: for Snakemake.
    """
    elsewhere = any(word.partition("=")[0] in ("--workflow-profile", "--executor") for word in arguments)
    return [] if jobs is None and elsewhere else ["--cores", str(jobs or "all")]


def find_checkout(named: Path | None) -> Path:
    """Return the folder of the checkout: the one named, or that of the installed library, or the current folder.

    Parameters:
        named: a folder or the Snakefile in it, if one is named.

    Raises:
        UserError: if that is no checkout, or none is found.
    """
    if named is not None:
        folder = named.parent if named.is_file() else named
        missing = [name for name in CHECKOUT if not (folder / name).exists()]
        if missing:
            raise UserError(f"--workflow: {folder} is no checkout of the project: it has no {' and no '.join(missing)}")
        return folder.resolve()
    places = (Path(proteinmtp.__file__).parents[1], Path.cwd())
    for folder in places:
        if all((folder / name).exists() for name in CHECKOUT):
            return folder
    raise UserError(
        f"the stages are not installed with the library, and are neither in {places[0]} nor here: clone the repository"
        " and name it, proteinmtp run --workflow FOLDER"
    )


def environment(checkout: Path) -> dict[str, str]:
    """Return the environment of Snakemake: its jobs find this Python and its programs, and it finds the checkout."""
    outer = os.environ
    return {
        **outer,
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), outer.get("PATH")))),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(checkout), outer.get("PYTHONPATH")))),
    }
