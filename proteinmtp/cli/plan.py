"""`proteinmtp plan`: what runs will need, before anything is loaded."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from unittest.mock import patch

import typer

from proteinmtp.base.errors import UserError
from proteinmtp.cli.console import Page
from proteinmtp.config import RunConfig, options_json
from proteinmtp.predictors.catalogue import read_config

if TYPE_CHECKING:
    from proteinmtp.planning.plan import Plan

HEADERS = ("run", "trained", "of", "tokens", "training", "inference", "saved", "device", "")


def plan(
    config: Annotated[
        list[Path],
        typer.Option(exists=True, dir_okay=False, help="The configuration; several: together."),
    ],
    run: Annotated[str | None, typer.Option(help="Plan this run alone.")] = None,
    length: Annotated[
        int | None, typer.Option(min=4, help="Residues of the longest chain; else that of parse.")
    ] = None,
    memory: Annotated[float | None, typer.Option(help="GiB of the device, if it is not this machine's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print parameters, tokens, memory and size on disk of each run, and whether it fits; no weights are needed."""
    settings = read_config(*config)
    names = [entry.name for entry in settings.runs]
    if run is not None and run not in names:
        raise UserError(f"--run: there is no run {run}; runs: {', '.join(names)}")
    if memory is not None and not memory > 0:
        raise UserError(f"--memory: {memory:g} GiB is no size of a device")
    with _uncompiled():
        from proteinmtp.planning.plan import device_for, plan_run
        from proteinmtp.planning.shadow import NotPlannedError

    plans, left_out = [], []
    alike: dict[str, Plan] = {}
    for name in names if run is None else [run]:
        chosen = settings.run(name)
        key = _what_counts(chosen)
        try:
            if key not in alike:
                device = device_for(chosen, memory)
                alike[key] = plan_run(name, chosen, length=length or settings.parse.max_length, device=device)
            plans.append(replace(alike[key], run=name))
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


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Import without compiling: PEFT imports bitsandbytes, which asks for it, and nothing is computed here.

    PyTorch's compiler alone takes longer to import than a plan to make.
    """
    import torch

    def as_it_is(function: Callable[..., Any] | None = None, **options: object) -> Any:
        return as_it_is if function is None else function

    with patch.object(torch, "compile", as_it_is):
        yield


def _what_counts(run: RunConfig) -> str:
    """Return the settings of a run as text, without whether its weights are random: those take as much memory."""
    backbone = run.backbone.model_copy(update={"random": False})
    return options_json(run.model_copy(update={"backbone": backbone}))


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
