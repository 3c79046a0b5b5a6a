"""`proteinmtp plan`: what runs will need, before anything is loaded."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteinmtp.base.errors import UserError
from proteinmtp.cli.console import Page
from proteinmtp.predictors.catalogue import read_config

if TYPE_CHECKING:
    from proteinmtp.planning.plan import Plan

HEADERS = ("run", "trained", "of", "tokens", "training", "inference", "saved", "device", "")


def plan(
    config: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The configuration.")],
    run: Annotated[str | None, typer.Option(help="Plan this run alone.")] = None,
    length: Annotated[
        int | None, typer.Option(min=4, help="Residues of the longest chain; else that of parse.")
    ] = None,
    memory: Annotated[float | None, typer.Option(help="GiB of the device, if it is not this machine's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print parameters, tokens, memory and size on disk of each run, and whether it fits; no weights are needed."""
    settings = read_config(config)
    names = [entry.name for entry in settings.runs]
    if run is not None and run not in names:
        raise UserError(f"--run: there is no run {run}; runs: {', '.join(names)}")
    if memory is not None and not memory > 0:
        raise UserError(f"--memory: {memory:g} GiB is no size of a device")
    from proteinmtp.planning.plan import device_for, plan_run
    from proteinmtp.planning.shadow import NotPlannedError

    plans, left_out = [], []
    for name in names if run is None else [run]:
        chosen = settings.run(name)
        try:
            device = device_for(chosen, memory)
            plans.append(plan_run(name, chosen, length=length or settings.parse.max_length, device=device))
        except NotPlannedError as error:
            left_out.append(f"run {name}: {error}")
        except UserError as error:
            raise UserError(f"run {name}: {error}") from error
    if not plans:
        raise UserError("; ".join(left_out))
    for line in left_out:
        typer.echo(line, err=True)
    if as_json:
        typer.echo(json.dumps([one.as_dict() for one in plans], indent=1))
    else:
        show(plans)


def show(plans: list["Plan"]) -> None:
    """Print a table of plans, and what was assumed."""
    page = Page()
    page.table(HEADERS, [_cells(one) for one in plans])
    page.line(
        f"Peak memory for chains of {plans[0].length} residues, of one process (chains held at once);"
        f" the process itself takes about {_size(plans[0].program)} more."
    )
    for one in plans:
        for note in one.notes:
            page.line(f"{one.run}: {note}")


def _cells(one: "Plan") -> tuple[str, ...]:
    return (
        one.run,
        f"{one.trainable:,}",
        f"{one.parameters:,}",
        f"{one.tokens:,}",
        f"{_size(one.training)} ({one.train_chains})",
        f"{_size(one.inference)} ({one.predict_chains})",
        _size(one.artefact),
        f"{'GPU' if one.gpu else 'memory'} {_size(one.memory)}",
        "fits" if one.fits else "DOES NOT FIT",
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**29 else f"{count / 2**20:.1f} MiB"
