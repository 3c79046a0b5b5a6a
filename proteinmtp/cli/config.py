"""`proteinmtp config`: the configuration with its defaults, a check of one, and what follows from the models."""

from pathlib import Path
from typing import Annotated

import typer

from proteinmtp.base.errors import UserError
from proteinmtp.base.files import atomic
from proteinmtp.config import generated
from proteinmtp.predictors import catalogue

PROJECT = Path("pyproject.toml")
LOCKS = tuple(Path(f"requirements{what}.lock") for what in ("", "-gpu", "-cluster"))
"""Files of a checkout that the generated ones follow from, beside the models."""


def config(
    check: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Check this config file, and name its runs; several: together."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="In a checkout: write config.yaml, the JSON schema and envs/.")
    ] = False,
) -> None:
    """Print the configuration with all defaults, check a file, or write the files that follow from the models."""
    if check and write:
        raise typer.BadParameter("--check and --write do not go together")
    if check:
        read = catalogue.read_config(*check)
        catalogue.check_backbones(read)
        typer.echo(f"{', '.join(map(str, check))}: fine, runs: {', '.join(entry.name for entry in read.runs)}")
    elif write:
        for path, text in generated_files(Path()).items():
            with atomic(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            typer.echo(path)
    else:
        typer.echo(generated.config_yaml(), nl=False)


def generated_files(root: Path) -> dict[Path, str]:
    """Return the path and the text of each generated file of the checkout at `root`.

    Raises:
        UserError: if this is no checkout, or the lock does not pin a dependency.
    """
    missing = [str(path) for path in (PROJECT, *LOCKS) if not (root / path).is_file()]
    if missing:
        raise UserError(f"{root.resolve()} is no checkout of the project: there is no {' and no '.join(missing)}")
    project, *locks = ((root / path).read_text(encoding="utf-8") for path in (PROJECT, *LOCKS))
    return {root / path: text for path, text in generated.files(project=project, lock="".join(locks)).items()}
