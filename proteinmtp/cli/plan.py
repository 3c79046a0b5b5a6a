"""The subcommand `plan`, for people: what runs will need, before anything is loaded."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteinmtp.config.whole import ConfigError, read_config

if TYPE_CHECKING:
    from proteinmtp.planning.plan import Plan


def plan(
    config: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The configuration.")],
    run: Annotated[str | None, typer.Option(help="Plan this run alone.")] = None,
    length: Annotated[
        int | None, typer.Option(min=4, help="Residues of the longest chain; else that of parse.")
    ] = None,
    memory: Annotated[float | None, typer.Option(help="GiB of the device, if it is not this machine's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print parameters, tokens, memory and size on disk of each run, and whether it fits; no weights are needed."""
    settings = read_config(config)
    names = [entry.name for entry in settings.runs]
    if run is not None and run not in names:
        raise ConfigError(f"--run: there is no run {run}; runs: {', '.join(names)}")
    if memory is not None and not memory > 0:
        raise ConfigError(f"--memory: {memory:g} GiB is no size of a device")
    from proteinmtp.planning.plan import device_for, plan_run
    from proteinmtp.planning.shadow import NotPlannedError

    plans, left_out = [], []
    for name in names if run is None else [run]:
        chosen = settings.run(name)
        try:
            plans.append(plan_run(name, chosen, length or settings.parse.max_length, device_for(chosen, memory)))
        except NotPlannedError as error:
            left_out.append(f"run {name}: {error}")
        except ValueError as error:
            raise ConfigError(f"run {name}: {error}") from error
    if not plans:
        raise ConfigError("; ".join(left_out))
    for line in left_out:
        typer.echo(line, err=True)
    typer.echo(json.dumps([one.as_dict() for one in plans], indent=1) if as_json else _table(plans))


def _table(plans: list["Plan"]) -> str:
    rows = [("run", "trained", "of", "tokens", "training", "inference", "saved", "device", "")]
    for one in plans:
        device = f"{'GPU' if one.gpu else 'memory'} {_size(one.memory)}"
        rows.append(
            (
                one.run, f"{one.trainable:,}", f"{one.parameters:,}", f"{one.tokens:,}",
                f"{_size(one.training)} ({one.train_chains})", f"{_size(one.inference)} ({one.predict_chains})",
                _size(one.artefact), device, "fits" if one.fits else "DOES NOT FIT",
            )
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    first = plans[0]
    lines.append(
        f"Peak memory for chains of {first.length} residues, of one process (chains held at once);"
        f" the process itself takes about {_size(first.program)} more."
    )
    notes = [f"{one.run}: {note}" for one in plans for note in one.notes]
    return "\n".join([*lines, *notes])


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**29 else f"{count / 2**20:.1f} MiB"
