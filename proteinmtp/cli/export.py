"""`proteinmtp export RUN FOLDER`: a trained model for others, with a card."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    run: Annotated[str, typer.Argument(help="A run's folder, results/runs/NAME; or the folder of a model.")],
    folder: Annotated[Path, typer.Argument(help="New folder: weights, settings, and a model card with the scores.")],
    quantization: Annotated[
        Literal["int8", "nf4"] | None,
        typer.Option(help="Put the language model into the folder in 8 or 4 bit; needs bitsandbytes."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--license", help="Of the model, as the hub calls it, such as cc-by-4.0.")
    ] = None,
    own_parts: Annotated[
        bool, typer.Option("--own-parts", help="Import a head of your own that the model names. It is code that runs.")
    ] = False,
) -> None:
    """Write a model's folder for others: all that folding needs, and a card that says how good it is."""
    from proteinmtp.cli.results import read_facts
    from proteinmtp.folding.artefact import open_artefact
    from proteinmtp.folding.export import export as export_to

    opened = open_artefact(run, own_parts=own_parts)
    facts, unknown = read_facts(opened)
    export_to(opened, folder, facts=facts, licence=licence, quantization=quantization)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    typer.echo(f"{folder}: {size / 1e6:,.1f} MB; read {folder / 'README.md'} before it is shared")
    if unknown:
        typer.echo(f"{unknown}; so the card says nothing of how good it is")
